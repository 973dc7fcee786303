/* Makes many system calls that nobody minds: argv[1] of them, every argv[2]th getppid, the others getpid. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
  long count = argc > 1 ? atol(argv[1]) : 1000;
  long step = argc > 2 ? atol(argv[2]) : 1;
  for (long i = 0; i < count; i++) syscall(i % step == 0 ? SYS_getppid : SYS_getpid);
  puts("done");
  return 0;
}
