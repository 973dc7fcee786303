/* futex(2): values, waking, timeouts, bitsets, requeueing, errors; and robust and private ones. */
#define _GNU_SOURCE
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static uint32_t word, other;

static long futex(uint32_t *at, int op, uint32_t value, const void *time, uint32_t *second, uint32_t third) {
  return syscall(SYS_futex, at, op, value, time, second, third);
}

struct sleeper {
  uint32_t *at;
  uint32_t bits;
  int done;
};

static void *sleep_on(void *arg) {
  struct sleeper *s = arg;
  while (futex(s->at, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, s->bits) == -1 && errno == EINTR) continue;
  __atomic_store_n(&s->done, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

/* Wakes with `op` until `count` have been woken; how many that were. */
static int wake(uint32_t *at, int op, int count, uint32_t bits) {
  int woken = 0;
  for (int i = 0; i < 2000 && woken < count; i++) {
    woken += futex(at, op, count - woken, NULL, NULL, bits);
    if (woken < count) sleep_ms(1);
  }
  return woken;
}

int main(void) {
  pthread_t t[4];
  struct timespec zero = {0, 0}, short_time = {0, 20000000}, bad = {0, 1000000000}, past = {1, 0};
  setvbuf(stdout, NULL, _IONBF, 0);
  limit_time(30);
  SHOW(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0));
  SHOW(futex(&word, FUTEX_WAIT, 0, &zero, NULL, 0));
  long long start = now_ms();
  SHOW(futex(&word, FUTEX_WAIT_PRIVATE, 0, &short_time, NULL, 0));
  printf("%s\n", now_ms() - start >= 19 ? "in time" : "too early");
  SHOW(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0));
  SHOW(futex(&word, FUTEX_WAIT_BITSET, 0, &past, NULL, ~0u));
  SHOW(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &past, NULL, ~0u));
  SHOW(futex(&word, FUTEX_WAIT_BITSET, 0, &past, NULL, 0));
  SHOW(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
  SHOW(futex((uint32_t *)((char *)&word + 1), FUTEX_WAIT, 0, &zero, NULL, 0));
  SHOW(futex((uint32_t *)8, FUTEX_WAIT, 0, &zero, NULL, 0));
  SHOW(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
  SHOW(futex(&word, 99, 0, NULL, NULL, 0));

  struct sleeper s[4] = {{&word, 1}, {&word, 2}, {&word, 4}, {&word, 2}};
  for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, sleep_on, &s[i]);
  printf("bit 1: %d\n", wake(&word, FUTEX_WAKE_BITSET_PRIVATE, 2, 2));
  pthread_join(t[1], NULL), pthread_join(t[3], NULL);
  sleep_ms(20);
  printf("woken %d %d %d %d\n", s[0].done, s[1].done, s[2].done, s[3].done);
  int moved = 0;
  for (int i = 0; i < 2000 && moved < 2; i++) {
    moved += futex(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)2, &other, 0);
    if (moved < 2) sleep_ms(1);
  }
  printf("requeued %d\n", moved);
  SHOW(futex(&word, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
  SHOW(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, &other, 5));
  SHOW(futex(&other, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
  pthread_join(t[0], NULL), pthread_join(t[2], NULL);

  /* Between processes, in shared memory. */
  uint32_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t child = fork();
  if (child == 0) {
    while (__atomic_load_n(shared, __ATOMIC_SEQ_CST) == 0) futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0);
    _exit(*shared);
  }
  sleep_ms(20);
  __atomic_store_n(shared, 7, __ATOMIC_SEQ_CST);
  futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0);
  int status;
  waitpid(child, &status, 0);
  printf("child saw %d\n", WEXITSTATUS(status));

  /* FUTEX_WAKE_OP: other = 5, and wake those of both when other was greater than 2. */
  other = 3;
  SHOW(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_GT, 2)));
  printf("%u\n", other);
  SHOW(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_ADD, 4, FUTEX_OP_CMP_EQ, 0)));
  printf("%u\n", other);

  /* A priority-inheritance mutex, a robust mutex whose owner dies. */
  pthread_mutexattr_t a;
  pthread_mutex_t *m = (void *)(shared + 16);
  pthread_mutexattr_init(&a);
  pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(m, &a);
  if (fork() == 0) {
    pthread_mutex_lock(m);
    _exit(0);
  }
  wait(NULL);
  int r = pthread_mutex_lock(m);
  printf("lock of a dead owner's mutex: %s\n", strerrorname_np(r));
  SHOW(pthread_mutex_consistent(m));
  SHOW(pthread_mutex_unlock(m));
  return 0;
}
