/* Clocks and sleeping: only what does not depend on how fast the machine is. */
#define _GNU_SOURCE
#include "check.h"
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>

static volatile sig_atomic_t ticks;
static void on_tick(int s) { (void)s; ticks++; }

/* What /proc and sysinfo(2) say of time is what the clocks say. */
static void other_sources(void) {
  struct timespec up, wall;
  struct sysinfo info;
  double proc_up = 0;
  long long booted = 0, started = 0;
  char line[4096];
  FILE *f = fopen("/proc/uptime", "r");
  clock_gettime(CLOCK_BOOTTIME, &up);
  clock_gettime(CLOCK_REALTIME, &wall);
  if (fscanf(f, "%lf", &proc_up) != 1) return;
  fclose(f);
  double boottime = up.tv_sec + up.tv_nsec / 1e9;
  printf("/proc/uptime %d, ", proc_up - boottime > -0.02 && proc_up - boottime < 5);
  sysinfo(&info);
  printf("sysinfo %d, ", info.uptime - boottime > -1 && info.uptime - boottime < 6);
  f = fopen("/proc/stat", "r");
  while (fgets(line, sizeof line, f)) sscanf(line, "btime %lld", &booted);
  fclose(f);
  double since = wall.tv_sec + wall.tv_nsec / 1e9 - boottime - booted;
  printf("btime %d, ", since > -1.1 && since < 1.1);
  f = fopen("/proc/self/stat", "r");
  if (!fgets(line, sizeof line, f)) return;
  fclose(f);
  sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lld", &started);
  double age = boottime - started / (double)sysconf(_SC_CLK_TCK);
  printf("start %d\n", age > -0.02 && age < 30);
}

int main(void) {
  struct timespec t, u, left;
  setvbuf(stdout, NULL, _IONBF, 0);
  limit_time(30);
  other_sources();
  static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
                               CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
  for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; i++) {
    int back = 0;
    int r = syscall(SYS_clock_gettime, clocks[i], &t);
    for (int k = 0; k < 200; k++) {
      syscall(SYS_clock_gettime, clocks[i], &u);
      back += u.tv_sec < t.tv_sec || (u.tv_sec == t.tv_sec && u.tv_nsec < t.tv_nsec);
      t = u;
    }
    printf("clock %d: %d, went back %d times\n", clocks[i], r, back);
  }
  SHOW(syscall(SYS_clock_gettime, 77, &t));
  SHOW(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8));
  SHOW(clock_getres(CLOCK_MONOTONIC, &t));
  printf("%ld %ld\n", (long)t.tv_sec, t.tv_nsec);
  SHOW(clock_getres(77, &t));
  struct timeval tv;
  gettimeofday(&tv, NULL);
  clock_gettime(CLOCK_REALTIME, &t);
  printf("gettimeofday agrees: %d\n", t.tv_sec - tv.tv_sec <= 1);
  printf("time agrees: %d\n", time(NULL) - tv.tv_sec <= 1);
  struct timespec req = {0, 30000000}, bad = {0, 1000000000}, negative = {-1, 0};
  long long start = now_ms();
  SHOW(nanosleep(&req, NULL));
  printf("%s\n", now_ms() - start >= 29 ? "slept" : "too early");
  SHOW(nanosleep(&bad, NULL));
  SHOW(nanosleep(&negative, NULL));
  SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL));
  SHOW(clock_nanosleep(77, 0, &req, NULL));
  clock_gettime(CLOCK_MONOTONIC, &t);
  SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
  t.tv_nsec += 20000000;
  if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
  SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
  clock_gettime(CLOCK_MONOTONIC, &u);
  printf("%s\n", u.tv_sec > t.tv_sec || (u.tv_sec == t.tv_sec && u.tv_nsec >= t.tv_nsec) ? "not before" : "too early");

  struct sigaction a = {.sa_handler = on_tick};
  sigaction(SIGUSR1, &a, NULL);
  pid_t parent = getpid();
  if (fork() == 0) {
    sleep_ms(30);
    kill(parent, SIGUSR1);
    _exit(0);
  }
  struct timespec ten = {10, 0};
  SHOW(nanosleep(&ten, &left));
  printf("left: %s\n", left.tv_sec == 9 ? "less than ten seconds" : "wrong");
  wait(NULL);

  struct itimerval it = {{0, 10000}, {0, 10000}}, old;
  alarm(0);
  signal(SIGALRM, on_tick);
  ticks = 0;
  SHOW(setitimer(ITIMER_REAL, &it, NULL));
  while (ticks < 3) pause();
  SHOW(getitimer(ITIMER_REAL, &old));
  printf("interval %ld, running %d\n", (long)old.it_interval.tv_usec, old.it_value.tv_usec > 0);
  memset(&it, 0, sizeof it);
  SHOW(setitimer(ITIMER_REAL, &it, NULL));
  SHOW(alarm(100));
  unsigned rest = alarm(0);
  printf("alarm gave back %s\n", rest >= 99 && rest <= 100 ? "the rest" : "nonsense");
  it.it_value.tv_usec = 1000000;
  SHOW(setitimer(ITIMER_REAL, &it, NULL));
  SHOW(setitimer(9, &it, NULL));
  struct tms tms;
  printf("times %d\n", times(&tms) > 0);
  SHOW(sysconf(_SC_CLK_TCK));
  return 0;
}
