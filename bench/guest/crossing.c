/*
 * What bench/crossing.mjs measures: `crossing ROW N` says "ready", does N units when its input has a byte, says
 * "done", and ends with its input. The other end of `pipe` is a process that executes a program, so placement
 * may have it elsewhere.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

int main(int argc, char **argv) {
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
  need(null >= 0 && file >= 0);
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
  else return 2;
  say("done\n");
  while (read(0, &c, 1) == 1) {
  }
  return 0;
}
