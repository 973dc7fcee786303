/* What bench/run.mjs times inside a guest: prints nanoseconds a unit (a call, a round, a page, a child…). */
#define _GNU_SOURCE
#include "bench.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static void getpids(long n) {
  for (long i = 0; i < n; i++) syscall(SYS_getpid);
}

static void clocks(long n) {
  struct timespec t;
  for (long i = 0; i < n; i++) clock_gettime(CLOCK_MONOTONIC, &t);
}

/* The rounds of SHA-256 over and over: arithmetic, no memory, no calls. */
static void compute(long n) {
  uint32_t s[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
#define ROTATE(x, k) ((x) >> (k) | (x) << (32 - (k)))
  for (long i = 0; i < n; i++) {
    uint32_t t1 = s[7] + (ROTATE(s[4], 6) ^ ROTATE(s[4], 11) ^ ROTATE(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + i;
    uint32_t t2 = (ROTATE(s[0], 2) ^ ROTATE(s[0], 13) ^ ROTATE(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    memmove(s + 1, s, 28);
    s[4] += t1;
    s[0] = t1 + t2;
  }
  if (s[0] == 1) puts("");
}

/*
 * The quickest pass, a page: memory that the machine never had before, or gave back to a host below it, costs
 * many times more at its first touch, and not because of who runs the program.
 */
static double touch(long passes) {
  const long pages = 16384;
  double best = 0;
  for (long pass = 0; pass < passes; pass++) {
    double start = now();
    char *p = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) exit(1);
    for (long i = 0; i < pages; i++) p[i * 4096] = 1;
    double took = (now() - start) / pages;
    if (pass == 0 || took < best) best = took;
    munmap(p, pages * 4096);
  }
  return best;
}

int main(int argc, char **argv) {
  if (argc < 3) return 0; /* what fork_exec starts: a static program that does nothing */
  const char *row = argv[1];
  long n = atol(argv[2]);
  double start = now(), each = 0;
  if (!strcmp(row, "getpid")) getpids(n);
  else if (!strcmp(row, "clock")) clocks(n);
  else if (!strcmp(row, "compute")) compute(n);
  else if (!strcmp(row, "touch")) each = touch(n);
  else if (!strcmp(row, "fork")) fork_wait(n);
  else if (!strcmp(row, "exec")) fork_exec(n, argv[3]);
  else if (!strcmp(row, "thread")) create_join(n);
  else if (!strcmp(row, "futex")) futex_ping_pong(n);
  else if (!strcmp(row, "pipe")) pipe_ping_pong(n);
  else if (!strcmp(row, "throughput")) pipe_throughput(n);
  else if (!strcmp(row, "signal")) signal_self(n);
  else return 2;
  printf("%f\n", each > 0 ? each : (now() - start) / n);
  return 0;
}
