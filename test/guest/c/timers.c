/* POSIX timers, interval timers of CPU time, CPU clocks, RLIMIT_CPU, rusage of threads. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t got, value, code, overrun;
static void on(int signo, siginfo_t *info, void *context) {
  (void)context;
  /* A later signal may come before anybody looks: the first one counts. */
  if (got++ == 0) overrun = info->si_overrun;
  value = info->si_value.sival_int;
  code = info->si_code;
  (void)signo;
}

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void burn(double seconds) {
  double end = now(CLOCK_THREAD_CPUTIME_ID) + seconds;
  while (now(CLOCK_THREAD_CPUTIME_ID) < end)
    for (volatile int i = 0; i < 100000; i++) continue;
}

static void handle(int signo) {
  struct sigaction action = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
  sigaction(signo, &action, NULL);
}

static int make(clockid_t clock, int notify, int signo, int number, timer_t *timer) {
  struct sigevent event = {.sigev_notify = notify, .sigev_signo = signo};
  event.sigev_value.sival_int = number;
  if (notify == SIGEV_THREAD_ID) event._sigev_un._tid = syscall(SYS_gettid);
  return timer_create(clock, &event, timer) ? errno : 0;
}

static void arm(timer_t timer, long ms, long everyMs) {
  struct itimerspec t = {{everyMs / 1000, everyMs % 1000 * 1000000}, {ms / 1000, ms % 1000 * 1000000}};
  timer_settime(timer, 0, &t, NULL);
}

static void *spin(void *arg) {
  (void)arg;
  burn(0.15);
  struct rusage own;
  getrusage(RUSAGE_THREAD, &own);
  double used = own.ru_utime.tv_sec + own.ru_utime.tv_usec / 1e6 + own.ru_stime.tv_sec + own.ru_stime.tv_usec / 1e6;
  printf("thread used its own time: %d\n", used > 0.1);
  return NULL;
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  handle(SIGALRM), handle(SIGUSR1), handle(SIGVTALRM), handle(SIGPROF), handle(SIGRTMIN);
  timer_t a, b, c;
  struct itimerspec left;

  printf("create: %d %d\n", make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 7, &a), (int)(intptr_t)a);
  arm(a, 20, 0);
  pause();
  printf("one shot: %d value %d code %d\n", got, value, code == SI_TIMER);
  timer_gettime(a, &left);
  printf("nothing left: %ld %ld\n", left.it_value.tv_sec, left.it_value.tv_nsec);

  got = 0;
  arm(a, 10, 10);
  while (got < 3) pause();
  timer_gettime(a, &left);
  printf("periodic: interval %ld, left %d\n", left.it_interval.tv_nsec, left.it_value.tv_nsec > 0);
  sigset_t block, before;
  sigemptyset(&block);
  sigaddset(&block, SIGUSR1);
  sigprocmask(SIG_BLOCK, &block, &before);
  struct timespec nap = {0, 105000000};
  nanosleep(&nap, NULL);
  got = 0;
  sigprocmask(SIG_SETMASK, &before, NULL);
  printf("overrun while blocked: %d, delivered %d\n", overrun >= 7 && overrun <= 15, got >= 1);
  printf("asked: %d\n", timer_getoverrun(a) >= 0);
  arm(a, 0, 0);

  printf("thread id: %d\n", make(CLOCK_REALTIME, SIGEV_THREAD_ID, SIGRTMIN, 9, &b));
  got = 0;
  struct timespec when;
  clock_gettime(CLOCK_REALTIME, &when);
  when.tv_nsec += 20000000;
  if (when.tv_nsec >= 1000000000) when.tv_sec++, when.tv_nsec -= 1000000000;
  struct itimerspec absolute = {{0, 0}, when};
  timer_settime(b, TIMER_ABSTIME, &absolute, NULL);
  pause();
  printf("absolute: %d value %d\n", got, value);

  printf("none: %d\n", make(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0, &c));
  arm(c, 5000, 0);
  timer_gettime(c, &left);
  printf("left of five seconds: %d\n", left.it_value.tv_sec == 4);
  printf("delete: %d %d\n", timer_delete(c), timer_delete(c) ? errno : 0);
  printf("bad clock: %d, bad signal: %d, raw: %d\n", make(99, SIGEV_SIGNAL, SIGUSR1, 0, &c),
         make(CLOCK_MONOTONIC, SIGEV_SIGNAL, 99, 0, &c), make(CLOCK_MONOTONIC_RAW, SIGEV_SIGNAL, SIGUSR1, 0, &c));

  printf("cpu timer: %d\n", make(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 11, &c));
  got = 0;
  arm(c, 60, 0);
  nap.tv_nsec = 150000000;
  nanosleep(&nap, NULL);
  printf("asleep: %d\n", got);
  double start = now(CLOCK_PROCESS_CPUTIME_ID);
  while (!got && now(CLOCK_PROCESS_CPUTIME_ID) < start + 3) continue;
  printf("awake: %d value %d\n", got, value);

  struct itimerval prof = {{0, 0}, {0, 50000}};
  got = 0;
  setitimer(ITIMER_PROF, &prof, NULL);
  start = now(CLOCK_PROCESS_CPUTIME_ID);
  while (!got && now(CLOCK_PROCESS_CPUTIME_ID) < start + 3) continue;
  printf("prof: %d\n", got);
  got = 0;
  setitimer(ITIMER_VIRTUAL, &prof, NULL);
  start = now(CLOCK_PROCESS_CPUTIME_ID);
  while (!got && now(CLOCK_PROCESS_CPUTIME_ID) < start + 3)
    for (volatile int i = 0; i < 100000; i++) continue;
  printf("virtual: %d\n", got);

  double mine = now(CLOCK_THREAD_CPUTIME_ID);
  pthread_t thread;
  pthread_create(&thread, NULL, spin, NULL);
  clockid_t theirs;
  printf("its clock: %d\n", pthread_getcpuclockid(thread, &theirs));
  pthread_join(thread, NULL);
  printf("not my time: %d\n", now(CLOCK_THREAD_CPUTIME_ID) - mine < 0.1);
  printf("gone: %d\n", clock_gettime(theirs, &when) ? errno : 0);

  struct timespec nothing = {0, 1000000};
  printf("sleep on own clock: %d\n", clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &nothing, NULL));

  pid_t child = fork();
  if (child == 0) {
    timer_t none = (timer_t)0;
    printf("not inherited: %d\n", timer_gettime(none, &left) ? errno : 0);
    struct rlimit limit = {1, 2};
    setrlimit(RLIMIT_CPU, &limit);
    signal(SIGXCPU, SIG_DFL);
    for (;;) continue;
  }
  int status;
  struct rusage used;
  wait4(child, &status, 0, &used);
  double seconds = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("RLIMIT_CPU: signal %d, about a second used %d\n", WTERMSIG(status), seconds > 0.7 && seconds < 1.9);
  printf("maxrss: %d\n", used.ru_maxrss > 100);
  return 0;
}
