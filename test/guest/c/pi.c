/* Priority-inheriting mutexes, robust ones, futex_waitv, membarrier, sched_setattr. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

static int futex(int *word, int op, int value, void *timeout, int *other, int value3) {
  return syscall(SYS_futex, word, op, value, timeout, other, value3);
}

static pthread_mutex_t mutex;
static int shared_count;

static void *adder(void *arg) {
  (void)arg;
  for (int i = 0; i < 2000; i++) {
    pthread_mutex_lock(&mutex);
    shared_count++;
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void *dies_with_it(void *arg) {
  pthread_mutex_lock(arg);
  return NULL;
}

static void init(pthread_mutex_t *m, int robust, int pshared) {
  pthread_mutexattr_t attr;
  pthread_mutexattr_init(&attr);
  pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
  if (robust) pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
  if (pshared) pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(m, &attr);
}

static int words[3];
static void *waker(void *arg) {
  sleep_ms(30);
  __atomic_store_n(&words[1], 1, __ATOMIC_SEQ_CST);
  futex(&words[1], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  return arg;
}

static int condition, lock_word;
static void *requeued(void *arg) {
  int r = futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 0, NULL, &lock_word, 0);
  int mine = (lock_word & FUTEX_TID_MASK) == syscall(SYS_gettid);
  if (mine) futex(&lock_word, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
  (void)arg;
  return (void *)(intptr_t)(r == 0 && mine);
}

int main(void) {
  limit_time(25);
  setvbuf(stdout, NULL, _IONBF, 0);
  init(&mutex, 0, 0);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, adder, NULL);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  printf("added: %d\n", shared_count);

  pthread_mutex_lock(&mutex);
  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  printf("own again: %d\n", pthread_mutex_trylock(&mutex) == EBUSY);
  pthread_mutex_unlock(&mutex);

  pthread_mutex_t robust;
  init(&robust, 1, 0);
  pthread_create(&threads[0], NULL, dies_with_it, &robust);
  pthread_join(threads[0], NULL);
  printf("owner died: %d\n", pthread_mutex_lock(&robust) == EOWNERDEAD);
  printf("consistent: %d\n", pthread_mutex_consistent(&robust));
  printf("unlock: %d\n", pthread_mutex_unlock(&robust));
  printf("lock: %d\n", pthread_mutex_lock(&robust));

  pthread_mutex_t *between = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  init(between, 1, 1);
  if (fork() == 0) {
    pthread_mutex_lock(between);
    sleep_ms(50);
    _exit(0);
  }
  sleep_ms(20);
  printf("died in another process: %d\n", pthread_mutex_lock(between) == EOWNERDEAD);
  wait(NULL);

  int word = syscall(SYS_gettid);
  SHOW(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
  SHOW(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
  printf("free: %d\n", word);
  SHOW(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
  SHOW(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
  printf("mine: %d\n", (word & FUTEX_TID_MASK) == syscall(SYS_gettid));
  word = 0x3ffffff0;
  SHOW(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));

  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
  lock_word = syscall(SYS_gettid);
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, requeued, NULL);
  sleep_ms(50);
  SHOW(futex(&condition, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)5, &lock_word, 0));
  printf("waiters: %d\n", (lock_word & FUTEX_WAITERS) != 0);
  SHOW(futex(&lock_word, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0));
  for (int i = 0; i < 2; i++) {
    void *result;
    pthread_join(threads[i], &result);
    printf("got it: %d\n", (int)(intptr_t)result);
  }

#ifdef SYS_futex_waitv
  struct futex_waitv waiters[3];
  for (int i = 0; i < 3; i++) {
    waiters[i] = (struct futex_waitv){.uaddr = (uintptr_t)&words[i], .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG};
  }
  pthread_create(&threads[0], NULL, waker, NULL);
  SHOW(syscall(SYS_futex_waitv, waiters, 3, 0, NULL, 0));
  pthread_join(threads[0], NULL);
  SHOW(syscall(SYS_futex_waitv, waiters, 3, 0, NULL, 0));
  SHOW(syscall(SYS_futex_waitv, waiters, 0, 0, NULL, 0));
  waiters[1].val = 1;
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  SHOW(syscall(SYS_futex_waitv, waiters, 3, 0, &end, CLOCK_MONOTONIC));
#endif

  SHOW(syscall(SYS_membarrier, 8, 0, 0));
  SHOW(syscall(SYS_membarrier, 16, 0, 0));
  SHOW(syscall(SYS_membarrier, 8, 0, 0));
  SHOW(syscall(SYS_membarrier, 3, 0, 0));
  printf("query: %d\n", (syscall(SYS_membarrier, 0, 0, 0) & 0x1f) == 0x1f);

  struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t more[3]; uint32_t clamps[2]; } attr;
  memset(&attr, 0, sizeof attr);
  SHOW(syscall(SYS_sched_getattr, 0, &attr, 48, 0));
  printf("policy %u nice %d size %u\n", attr.policy, attr.nice, attr.size);
  attr.policy = SCHED_BATCH, attr.nice = 5;
  SHOW(syscall(SYS_sched_setattr, 0, &attr, 0));
  printf("policy %d\n", sched_getscheduler(0));
  SHOW(syscall(SYS_sched_setattr, 0, NULL, 0));
  attr.priority = 3;
  SHOW(syscall(SYS_sched_setattr, 0, &attr, 0));
  return 0;
}
