/* Takes queued real-time signals and writes their values, one a line, until value -1. */
#include <signal.h>
#include <stdio.h>

int main(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, 34);
  sigprocmask(SIG_BLOCK, &set, 0);
  puts("ready");
  fflush(stdout);
  for (;;) {
    siginfo_t info;
    if (sigwaitinfo(&set, &info) != 34) continue;
    if (info.si_value.sival_int == -1) return 0;
    printf("%d\n", info.si_value.sival_int);
    fflush(stdout);
  }
}
