/*
 * What bench/crossing.mjs measures: `crossing ROW N` says "ready", does N units when its input has a byte, says
 * "done", and ends with its input. The other end of `pipe` is a process that executes a program, so placement
 * may have it elsewhere.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void need(int holds) {
  if (!holds) _exit(1);
}

/* Gives back each byte. */
static void echo(int from, int to) {
  char c;
  while (read(from, &c, 1) == 1) need(write(to, &c, 1) == 1);
}

static void say(const char *line) {
  need(write(1, line, strlen(line)) == (ssize_t)strlen(line));
}

/* A child that ends at once, or executes a program. */
static void child(const char *program) {
  int status;
  pid_t pid = program ? vfork() : fork();
  need(pid >= 0);
  if (pid == 0) {
    if (program) execl(program, program, NULL);
    _exit(program ? 1 : 0);
  }
  need(waitpid(pid, &status, 0) == pid && status == 0);
}

/* So many microseconds of arithmetic, by a loop that was timed at the start. */
static double turns_a_us;
static volatile unsigned long sum;

static void compute(double us) {
  for (long i = us * turns_a_us; i > 0; i--) sum += i;
}

static void time_the_loop(void) {
  struct timespec a, b;
  turns_a_us = 1;
  double best = 1e18;
  for (int i = 0; i < 20; i++) {
    clock_gettime(CLOCK_MONOTONIC, &a);
    compute(100000);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double us = (b.tv_sec - a.tv_sec) * 1e6 + (b.tv_nsec - a.tv_nsec) / 1e3;
    if (us < best) best = us;
  }
  turns_a_us = 100000 / best;
}

/* The profiles of bench/scale-model.mjs: computing, then a call. */
static int profile(const char *name, long n, int file, char *block) {
  time_the_loop();
  say("ready\n");
  if (read(0, block, 1) != 1) return 0;
  for (long i = 0; i < n; i++) {
    if (!strcmp(name, "memory")) {
      compute(5);
      syscall(i % 50 ? SYS_getpid : SYS_getppid);
    } else if (!strcmp(name, "files")) {
      compute(5);
      need(pread(file, block, 4096, 0) > 0);
    } else if (!strcmp(name, "processes")) {
      compute(200);
      child(i % 2 ? "/proc/self/exe" : NULL);
    } else if (!strcmp(name, "computing")) {
      compute(2000);
      syscall(i % 10 < 3 ? SYS_getppid : SYS_getpid);
    } else return 2;
  }
  say("done\n");
  while (read(0, block, 1) == 1) {
  }
  return 0;
}

static void map(int file) {
  char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
  need(p != MAP_FAILED && *p == 0x7f && munmap(p, 4096) == 0);
}

int main(int argc, char **argv) {
  if (argc == 1) return 0;
  if (argc == 2 && !strcmp(argv[1], "echo")) {
    echo(3, 4);
    return 0;
  }
  if (argc < 3) return 2;
  const char *row = argv[1];
  long n = atol(argv[2]);
  char c, block[4096];
  int there[2], back[2], null = open("/dev/null", O_WRONLY), file = open(argv[0], O_RDONLY);
  struct stat st;
  struct pollfd ready = {null, POLLOUT, 0};
  need(null >= 0 && file >= 0);
  if (!strncmp(row, "as-", 3)) return profile(row + 3, n, file, block);
  if (!strcmp(row, "pipe")) {
    need(pipe(there) == 0 && pipe(back) == 0);
    pid_t child = fork();
    need(child >= 0);
    if (child == 0) {
      dup2(there[0], 20);
      dup2(back[1], 21);
      dup2(20, 3);
      dup2(21, 4);
      close_range(5, ~0U, 0);
      execl(argv[0], "crossing", "echo", NULL);
      _exit(1);
    }
    close(there[0]);
    close(back[1]);
    need(write(there[1], "x", 1) == 1 && read(back[0], &c, 1) == 1);
  }
  say("ready\n");
  if (read(0, &c, 1) != 1) return 0;
  if (!strcmp(row, "getpid")) for (long i = 0; i < n; i++) syscall(SYS_getpid);
  else if (!strcmp(row, "getppid")) for (long i = 0; i < n; i++) syscall(SYS_getppid);
  else if (!strcmp(row, "write")) for (long i = 0; i < n; i++) need(write(null, "x", 1) == 1);
  else if (!strcmp(row, "pread")) for (long i = 0; i < n; i++) need(pread(file, block, sizeof block, 0) > 0);
  else if (!strcmp(row, "fstat")) for (long i = 0; i < n; i++) need(fstat(file, &st) == 0);
  else if (!strcmp(row, "open")) for (long i = 0; i < n; i++) need(close(open(argv[0], O_RDONLY)) == 0);
  else if (!strcmp(row, "pipe")) for (long i = 0; i < n; i++) need(write(there[1], "x", 1) == 1 && read(back[0], &c, 1) == 1);
  else if (!strcmp(row, "mmap")) for (long i = 0; i < n; i++) map(file);
  else if (!strcmp(row, "fork")) for (long i = 0; i < n; i++) child(NULL);
  else if (!strcmp(row, "exec")) for (long i = 0; i < n; i++) child(argv[0]);
  else if (!strcmp(row, "dynamic")) for (long i = 0; i < n; i++) child("/bin/true");
  else if (!strcmp(row, "poll")) for (long i = 0; i < n; i++) need(poll(&ready, 1, -1) == 1);
  else if (!strcmp(row, "ppoll")) for (long i = 0; i < n; i++) need(ppoll(&ready, 1, NULL, NULL) == 1);
  else return 2;
  say("done\n");
  while (read(0, &c, 1) == 1) {
  }
  return 0;
}
