/*
 * For each byte on standard input: makes argv[1] system calls, every argv[2]th getppid and the others getpid,
 * and prints how many nanoseconds that took.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
  long count = argc > 1 ? atol(argv[1]) : 1000;
  long step = argc > 2 ? atol(argv[2]) : 1;
  char byte, line[32];
  while (read(0, &byte, 1) == 1) {
    long long start = now();
    for (long i = 0; i < count; i++) syscall(i % step == 0 ? SYS_getppid : SYS_getpid);
    int n = snprintf(line, sizeof line, "%lld\n", now() - start);
    if (write(1, line, n) != n) return 1;
  }
  return 0;
}
