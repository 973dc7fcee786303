/* Rows about processes, threads, and what passes between them. */
#define _GNU_SOURCE
#include "bench.h"
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 65536

static void need(int holds) {
  if (!holds) _exit(1);
}

static void reap(pid_t child) {
  int status;
  need(waitpid(child, &status, 0) == child && status == 0);
}

void fork_wait(long n) {
  for (long i = 0; i < n; i++) {
    pid_t child = fork();
    need(child >= 0);
    if (child == 0) _exit(0);
    reap(child);
  }
}

void fork_exec(long n, const char *program) {
  for (long i = 0; i < n; i++) {
    pid_t child = fork();
    need(child >= 0);
    if (child == 0) {
      execl(program, "true", NULL);
      _exit(1);
    }
    reap(child);
  }
}

static void *nothing(void *argument) {
  return argument;
}

void create_join(long n) {
  for (long i = 0; i < n; i++) {
    pthread_t thread;
    need(pthread_create(&thread, NULL, nothing, NULL) == 0);
    need(pthread_join(thread, NULL) == 0);
  }
}

/* One word: even when it is the first thread's turn. */
static uint32_t turn;

static void take_turns(uint32_t mine, long n) {
  for (long i = 0; i < n; i++) {
    uint32_t now;
    while (((now = __atomic_load_n(&turn, __ATOMIC_ACQUIRE)) & 1) != mine)
      syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, NULL);
    __atomic_store_n(&turn, now + 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1);
  }
}

static void *second(void *rounds) {
  take_turns(1, (long)rounds);
  return NULL;
}

void futex_ping_pong(long n) {
  pthread_t thread;
  need(pthread_create(&thread, NULL, second, (void *)n) == 0);
  take_turns(0, n);
  need(pthread_join(thread, NULL) == 0);
}

void pipe_ping_pong(long n) {
  int there[2], back[2];
  char byte = 0;
  need(pipe(there) == 0 && pipe(back) == 0);
  pid_t child = fork();
  need(child >= 0);
  if (child == 0) {
    for (long i = 0; i < n; i++) need(read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1);
    _exit(0);
  }
  for (long i = 0; i < n; i++) need(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1);
  reap(child);
}

void pipe_throughput(long n) {
  static char block[BLOCK];
  int ends[2];
  need(pipe(ends) == 0);
  pid_t child = fork();
  need(child >= 0);
  if (child == 0) {
    close(ends[0]);
    for (long i = 0; i < n; i++) need(write(ends[1], block, BLOCK) == BLOCK);
    _exit(0);
  }
  close(ends[1]);
  long total = 0;
  for (ssize_t got; (got = read(ends[0], block, BLOCK)) != 0; total += got) need(got > 0);
  need(total == n * BLOCK);
  reap(child);
}

static volatile sig_atomic_t taken;

static void count(int signal) {
  taken += signal == SIGUSR1;
}

void signal_self(long n) {
  struct sigaction action = {.sa_handler = count};
  need(sigaction(SIGUSR1, &action, NULL) == 0);
  for (long i = 0; i < n; i++) need(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1) == 0 && taken == i + 1);
}
