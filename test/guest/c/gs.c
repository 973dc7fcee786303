/*
 * The GS base, which is the program's own: set and read by arch_prctl(2), inherited by threads and children, kept
 * over signals, gone with exec. With the argument "wait" it waits for a line in between, to be saved there.
 */
#define _GNU_SOURCE
#include "check.h"
#include <asm/prctl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static uint64_t block[4] = {0x1111, 0x2222, 0x3333, 0x4444};

static int set(void *base) { return syscall(SYS_arch_prctl, ARCH_SET_GS, base); }

static long offset(void) {
  unsigned long base = 1;
  if (syscall(SYS_arch_prctl, ARCH_GET_GS, &base)) return -1;
  return base ? (long)(base - (unsigned long)block) : -2;
}

static uint64_t word(void) {
  uint64_t value;
  asm volatile("movq %%gs:8, %0" : "=r"(value));
  return value;
}

static void *in_thread(void *unused) {
  printf("thread %ld %lx\n", offset(), word());
  set(block + 1);
  printf("its own %ld %lx\n", offset(), word());
  return unused;
}

static void on_signal(int signo) { printf("handler %ld %lx\n", offset(), word()); }

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  limit_time(60);
  if (argc > 1 && !strcmp(argv[1], "again")) {
    printf("after exec %ld\n", offset());
    return 0;
  }
  printf("at first %ld\n", offset());
  SHOW(set((void *)0x800000000000));
  SHOW(set(block));
  printf("set %ld %lx\n", offset(), word());
  if (argc > 1 && !strcmp(argv[1], "wait")) {
    puts("ready");
    getchar();
  }
  printf("kept %ld %lx\n", offset(), word());
  signal(SIGUSR1, on_signal);
  raise(SIGUSR1);
  pthread_t thread;
  pthread_create(&thread, NULL, in_thread, NULL);
  pthread_join(thread, NULL);
  printf("still %ld %lx\n", offset(), word());
  fflush(stdout);
  if (fork() == 0) {
    printf("child %ld %lx\n", offset(), word());
    execl("/proc/self/exe", argv[0], "again", NULL);
  }
  wait(NULL);
  SHOW(set(NULL));
  printf("none %ld\n", offset());
  return 0;
}
