/* Beside show.h: time limits and clocks, for programs that wait. */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "show.h"

/* Ends a program that would otherwise hang. */
static inline void limit_time(unsigned seconds) { alarm(seconds); }

static inline long long now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static inline void sleep_ms(long ms) {
  struct timespec t = {ms / 1000, (ms % 1000) * 1000000};
  while (nanosleep(&t, &t) == -1 && errno == EINTR) continue;
}
