# Forks for ever; each process says once that it may not.
$| = 1;
my $said;
while (1) {
  my $child = fork;
  next if defined $child;
  next if $said++;
  print $!{EAGAIN} ? "EAGAIN\n" : "$!\n";
}
