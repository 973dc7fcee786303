/* Signals, stops and ends that find threads in the middle of system calls, over and over. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int count;
static int pipes[2];

static void on(int signo) {
  (void)signo;
  count++;
}

static void *bomb(void *at) {
  pthread_t thread = *(pthread_t *)at;
  for (int i = 0; i < 1000; i++) {
    pthread_kill(thread, SIGUSR1);
    if (i % 50 == 0) usleep(100);
  }
  return write(pipes[1], "x", 1) == 1 ? at : NULL;
}

static void signals_into_a_read(void) {
  pthread_t self = pthread_self(), thread;
  char c = 0;
  pthread_create(&thread, NULL, bomb, &self);
  int n = read(pipes[0], &c, 1);
  pthread_join(thread, NULL);
  printf("read: %d %c, some signals: %d\n", n, c, count > 0);
}

static void a_timer_into_calls(void) {
  struct itimerval every = {{0, 300}, {0, 300}};
  pid_t parent = getppid();
  long wrong = 0;
  count = 0;
  setitimer(ITIMER_REAL, &every, NULL);
  for (int i = 0; i < 4000 || count == 0; i++) wrong += getppid() != parent;
  memset(&every, 0, sizeof every);
  setitimer(ITIMER_REAL, &every, NULL);
  printf("wrong results: %ld\n", wrong);
}

static void call_for_ever(int how) {
  struct timespec moment = {0, 1000};
  char c;
  for (;;) {
    getppid();
    if (how % 3 == 0) nanosleep(&moment, NULL);
    if (how % 3 == 1 && read(pipes[0], &c, 1) != 1) _exit(1);
  }
}

static void stops_and_kills(void) {
  int wrong = 0, status;
  for (int i = 0; i < 6; i++) {
    pid_t child = fork();
    if (child == 0) call_for_ever(i);
    for (int k = 0; k < 4; k++) {
      kill(child, SIGSTOP);
      wrong += waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status);
      kill(child, SIGCONT);
      wrong += waitpid(child, &status, WCONTINUED) != child || !WIFCONTINUED(status);
    }
    kill(child, SIGKILL);
    wrong += waitpid(child, &status, 0) != child || !WIFSIGNALED(status);
  }
  printf("wrong stops: %d\n", wrong);
}

static void *call(void *how) {
  call_for_ever((int)(long)how);
  return NULL;
}

/* exit_group and execve end threads wherever they are. */
static void ends_of_groups(void) {
  int wrong = 0, status;
  for (int i = 0; i < 9; i++) {
    pid_t child = fork();
    if (child == 0) {
      pthread_t threads[4];
      for (long k = 0; k < 4; k++) pthread_create(&threads[k], NULL, call, (void *)k);
      if (i % 2) usleep(i * 100);
      if (i % 3 == 0) execl("/bin/true", "true", NULL);
      _exit(i);
    }
    waitpid(child, &status, 0);
    wrong += status != (i % 3 == 0 ? 0 : i << 8);
  }
  printf("wrong ends: %d\n", wrong);
}

int main(void) {
  struct sigaction action = {.sa_handler = on, .sa_flags = SA_RESTART};
  setvbuf(stdout, NULL, _IONBF, 0);
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGALRM, &action, NULL);
  if (pipe(pipes) != 0) return 1;
  signals_into_a_read();
  a_timer_into_calls();
  stops_and_kills();
  ends_of_groups();
  return 0;
}
