/* Threads with a mutex, a condition and a barrier: clone, futex, exit of threads, join. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS 2000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t start;
static __thread int own;
static int total, turn;

static void *work(void *argument) {
  long me = (long)argument;
  own = me;
  pthread_barrier_wait(&start);
  for (int i = 0; i < ROUNDS; i++) {
    pthread_mutex_lock(&lock);
    total++;
    pthread_mutex_unlock(&lock);
  }
  pthread_mutex_lock(&lock);
  while (turn != me) pthread_cond_wait(&turned, &lock);
  printf("thread %ld own %d\n", me, own);
  turn++;
  pthread_cond_broadcast(&turned);
  pthread_mutex_unlock(&lock);
  return (void *)(me * 10);
}

int main(void) {
  pthread_t threads[THREADS];
  pthread_barrier_init(&start, NULL, THREADS);
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, (void *)i);
  long sum = 0;
  for (int i = 0; i < THREADS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    sum += (long)result;
  }
  printf("total %d sum %ld\n", total, sum);
  return 0;
}
