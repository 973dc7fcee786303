/* timerfd_create(2): one shot, intervals, absolute times, disarming; only lower bounds on time. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/timerfd.h>

static void take(int fd) {
  uint64_t v = 0;
  long r = read(fd, &v, 8);
  printf("take: %ld %s %llu\n", r, r < 0 ? strerrorname_np(errno) : "", (unsigned long long)v);
}

static int set(int fd, int flags, long value_ms, long interval_ms) {
  struct itimerspec s = {{interval_ms / 1000, interval_ms % 1000 * 1000000}, {value_ms / 1000, value_ms % 1000 * 1000000}};
  return timerfd_settime(fd, flags, &s, NULL);
}

static void show_left(int fd) {
  struct itimerspec s;
  timerfd_gettime(fd, &s);
  printf("%s, interval %ld.%09ld\n", s.it_value.tv_sec || s.it_value.tv_nsec ? "armed" : "not armed",
         (long)s.it_interval.tv_sec, s.it_interval.tv_nsec);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  limit_time(30);
  int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  char buf[16];
  SHOW(fcntl(t, F_GETFL));
  SHOW(fcntl(t, F_GETFD));
  show_left(t);
  take(t);
  SHOW(read(t, buf, 7));
  SHOW(write(t, buf, 8));
  long long start = now_ms(); // before it is armed: the program may rest in between
  SHOW(set(t, 0, 30, 0));
  show_left(t);
  struct pollfd p = {t, POLLIN | POLLOUT, 0};
  SHOW(poll(&p, 1, 5000));
  printf("revents %#x %s\n", p.revents, now_ms() - start >= 29 ? "in time" : "too early");
  show_left(t);
  take(t);
  take(t);
  SHOW(poll(&p, 1, 0));

  SHOW(set(t, 0, 10, 20));
  show_left(t);
  sleep_ms(75);
  uint64_t v = 0;
  SHOW(read(t, &v, 8));
  printf("%s\n", v >= 4 ? "at least four" : "too few");
  show_left(t);
  SHOW(set(t, 0, 0, 0));
  show_left(t);
  take(t);

  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  struct itimerspec s = {{0, 0}, now}, old;
  SHOW(timerfd_settime(t, TFD_TIMER_ABSTIME, &s, &old));
  take(t);
  s.it_value.tv_sec += 100;
  SHOW(timerfd_settime(t, TFD_TIMER_ABSTIME, &s, &old));
  printf("%ld %ld\n", (long)old.it_value.tv_sec, old.it_value.tv_nsec);
  SHOW(timerfd_settime(t, 0, &s, &old));
  printf("%d\n", old.it_value.tv_sec >= 98 && old.it_value.tv_sec <= 100);

  int r = timerfd_create(CLOCK_REALTIME, 0);
  start = now_ms();
  clock_gettime(CLOCK_REALTIME, &now);
  s.it_value = now;
  s.it_value.tv_nsec += 30000000;
  if (s.it_value.tv_nsec >= 1000000000) s.it_value.tv_sec++, s.it_value.tv_nsec -= 1000000000;
  SHOW(timerfd_settime(r, TFD_TIMER_ABSTIME, &s, NULL));
  take(r);
  printf("%s\n", now_ms() - start >= 25 ? "in time" : "too early");

  SHOW(timerfd_create(77, 0));
  SHOW(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
  SHOW(timerfd_create(CLOCK_MONOTONIC, 1));
  SHOW(timerfd_settime(0, 0, &s, NULL));
  SHOW(timerfd_settime(900, 0, &s, NULL));
  SHOW(timerfd_settime(t, 8, &s, NULL));
  SHOW(timerfd_settime(t, 0, NULL, NULL));
  s.it_value.tv_nsec = 1000000000;
  SHOW(timerfd_settime(t, 0, &s, NULL));
  SHOW(timerfd_gettime(0, &s));
  return 0;
}
