# fork, wait, IPC::Open3, alarm, pipes, statuses.
use IPC::Open3;
use POSIX ':sys_wait_h';
$| = 1;
for my $i (1 .. 5) {
  my $child = fork // die;
  exit $i unless $child;
  waitpid $child, 0;
  print $? >> 8, "\n";
}
my $sort = open3(my $in, my $out, undef, 'sort');
print $in "c\na\nb\n";
close $in;
print while <$out>;
waitpid $sort, 0;
print "$?\n";
pipe R, W;
unless (fork) { close R; print W "from a child\n"; exit }
close W;
print <R>;
wait;
$SIG{ALRM} = sub { die "alarm\n" };
eval { alarm 1; select undef, undef, undef, 9 };
print $@;
my $ended = 0;
$SIG{CHLD} = sub { $ended++ while waitpid(-1, WNOHANG) > 0 };
for (1 .. 10) { fork or exit }
for (1 .. 100) { last if $ended == 10; select undef, undef, undef, 0.05 }
print "$ended\n";
$SIG{CHLD} = 'DEFAULT';
print `echo in backticks`;
system 'exit 3';
print $? >> 8, "\n";
