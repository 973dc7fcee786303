/* poll(2), ppoll(2), select(2), pselect(2): readiness, times, masks, interruption, closed descriptors. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static volatile sig_atomic_t handled;
static void on_signal(int s) { handled = s; }

static void handle(int signo, int flags) {
  struct sigaction a = {.sa_handler = on_signal, .sa_flags = flags};
  sigaction(signo, &a, NULL);
}

static void took(const char *what, long long since, long long least, long long most) {
  long long ms = now_ms() - since;
  printf("%s: %s\n", what, ms < least ? "too early" : ms > most ? "too late" : "in time");
}

static void several(void) {
  int a[2], b[2];
  printf("-- several\n");
  pipe(a);
  pipe(b);
  struct pollfd p[6] = {{a[0], POLLIN, 99}, {b[1], POLLOUT, 0},  {-5, POLLIN, 77},
                        {900, POLLIN, 0},   {b[0], POLLRDNORM, 0}, {a[1], 0, 0}};
  SHOW(poll(p, 6, 0));
  for (int i = 0; i < 6; i++) printf("%d: events %#x revents %#x\n", i, p[i].events, p[i].revents);
  write(a[1], "x", 1);
  SHOW(poll(p, 6, -1));
  for (int i = 0; i < 6; i++) printf("%d: revents %#x\n", i, p[i].revents);
  close(b[1]);
  p[1].fd = b[0];
  SHOW(poll(p, 6, 5));
  for (int i = 0; i < 6; i++) printf("%d: revents %#x\n", i, p[i].revents);
  int f = open("/etc/passwd", O_RDONLY), d = open("/", O_RDONLY), n = open("/dev/null", O_RDWR);
  struct pollfd q[3] = {{f, POLLIN | POLLOUT | POLLPRI, 0}, {d, POLLIN | POLLOUT, 0}, {n, POLLIN | POLLOUT, 0}};
  SHOW(poll(q, 3, -1));
  for (int i = 0; i < 3; i++) printf("%d: revents %#x\n", i, q[i].revents);
  SHOW(poll((void *)1, 1, 0));
  SHOW(poll(p, 1 << 30, 0));
  SHOW(poll(NULL, 0, 0));
  long long t = now_ms();
  SHOW(poll(NULL, 0, 30));
  took("poll as a sleep", t, 30, 2000);
  t = now_ms();
  p[0].fd = b[1];
  SHOW(poll(p + 2, 1, 20));
  took("nothing ready", t, 20, 2000);
  for (int i = 0; i < 2; i++) close(a[i]), close(b[i]);
  close(f), close(d), close(n);
}

static void selects(void) {
  int a[2];
  fd_set r, w, x;
  printf("-- select\n");
  pipe(a);
#define FILL \
  do { \
    FD_ZERO(&r); FD_ZERO(&w); FD_ZERO(&x); \
    FD_SET(a[0], &r); FD_SET(a[1], &w); FD_SET(a[0], &x); \
  } while (0)
  struct timeval now = {0, 0};
  FILL;
  SHOW(select(a[1] + 1, &r, &w, &x, &now));
  printf("%d %d %d\n", FD_ISSET(a[0], &r), FD_ISSET(a[1], &w), FD_ISSET(a[0], &x));
  write(a[1], "x", 1);
  FILL;
  SHOW(select(a[1] + 1, &r, &w, &x, NULL));
  printf("%d %d %d\n", FD_ISSET(a[0], &r), FD_ISSET(a[1], &w), FD_ISSET(a[0], &x));
  FILL;
  FD_SET(a[1], &r);
  SHOW(select(a[0] + 1, &r, NULL, NULL, &now));
  printf("%d %d\n", FD_ISSET(a[0], &r), FD_ISSET(a[1], &r));
  FILL;
  FD_SET(60, &r);
  SHOW(select(61, &r, &w, NULL, &now));
  printf("%d %d %d\n", FD_ISSET(60, &r), FD_ISSET(a[0], &r), FD_ISSET(a[1], &w));
  SHOW(select(-1, NULL, NULL, NULL, &now));
  struct timeval bad = {-1, 0}, much = {0, 1000000 + 20000};
  SHOW(select(0, NULL, NULL, NULL, &bad));
  long long t = now_ms();
  SHOW(syscall(SYS_select, 0, NULL, NULL, NULL, &much));
  took("microseconds above a second", t, 1020, 4000);
  printf("left %ld %ld\n", (long)much.tv_sec, (long)much.tv_usec);
  char c;
  read(a[0], &c, 1);
  struct timeval some = {10, 0};
  FILL;
  SHOW(select(a[1] + 1, &r, &w, NULL, &some));
  printf("left: %s\n", some.tv_sec == 9 && some.tv_usec > 0 ? "less" : some.tv_sec == 10 ? "all" : "wrong");
  struct timeval short_time = {0, 20000};
  FILL;
  SHOW(select(a[1] + 1, &r, NULL, &x, &short_time));
  printf("%d %d left %ld\n", FD_ISSET(a[0], &r), FD_ISSET(a[0], &x), (long)short_time.tv_usec);
  close(a[1]);
  FILL;
  SHOW(select(a[0] + 1, &r, NULL, &x, NULL));
  printf("%d %d\n", FD_ISSET(a[0], &r), FD_ISSET(a[0], &x));
  close(a[0]);
}

static void *write_later(void *fd) {
  sleep_ms(30);
  write(*(int *)fd, "x", 1);
  return NULL;
}

static void *close_later(void *fd) {
  sleep_ms(30);
  close(*(int *)fd);
  return NULL;
}

static void wakes(void) {
  int a[2];
  pthread_t t;
  printf("-- woken\n");
  pipe(a);
  struct pollfd p = {a[0], POLLIN, 0};
  pthread_create(&t, NULL, write_later, &a[1]);
  SHOW(poll(&p, 1, 5000));
  printf("revents %#x\n", p.revents);
  pthread_join(t, NULL);
  char c;
  read(a[0], &c, 1);
  pthread_create(&t, NULL, close_later, &a[1]);
  fd_set r;
  FD_ZERO(&r);
  FD_SET(a[0], &r);
  SHOW(select(a[0] + 1, &r, NULL, NULL, NULL));
  pthread_join(t, NULL);
  close(a[0]);
}

static void alarm_in(long ms) {
  pid_t parent = getpid();
  if (fork() == 0) {
    sleep_ms(ms);
    kill(parent, SIGUSR1);
    _exit(0);
  }
}

static void interrupted(void) {
  struct timespec ten = {10, 0};
  struct timeval ten_tv = {10, 0};
  printf("-- interrupted\n");
  for (int restart = 0; restart < 2; restart++) {
    printf("SA_RESTART %d\n", restart);
    handle(SIGUSR1, restart ? SA_RESTART : 0);
    alarm_in(30), SHOW(poll(NULL, 0, 10000)), wait(NULL);
    alarm_in(30), SHOW(ppoll(NULL, 0, &ten, NULL)), wait(NULL);
    alarm_in(30), SHOW(select(0, NULL, NULL, NULL, &ten_tv)), wait(NULL);
    alarm_in(30), SHOW(pselect(0, NULL, NULL, NULL, &ten, NULL)), wait(NULL);
  }
  signal(SIGUSR1, SIG_IGN);
  alarm_in(20), SHOW(poll(NULL, 0, 60)), wait(NULL);
}

static void masks(void) {
  sigset_t blocked, none, old;
  struct timespec zero = {0, 0}, bad = {0, 1000000000}, some = {5, 0};
  printf("-- masks\n");
  handle(SIGUSR1, SA_RESTART);
  sigemptyset(&none);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  handled = 0;
  raise(SIGUSR1);
  SHOW(ppoll(NULL, 0, &zero, NULL));
  printf("handled %d\n", (int)handled);
  SHOW(ppoll(NULL, 0, &zero, &none));
  printf("handled %d\n", (int)handled);
  sigprocmask(SIG_BLOCK, NULL, &old);
  printf("still blocked %d\n", sigismember(&old, SIGUSR1));
  handled = 0;
  raise(SIGUSR1);
  SHOW(pselect(0, NULL, NULL, NULL, &some, &none));
  printf("handled %d\n", (int)handled);
  handled = 0;
  raise(SIGUSR1);
  int a[2];
  pipe(a);
  struct pollfd p = {a[1], POLLOUT, 0};
  SHOW(ppoll(&p, 1, &some, &none));
  printf("ready before the signal: handled %d\n", (int)handled);
  sigprocmask(SIG_UNBLOCK, &blocked, NULL);
  printf("handled %d\n", (int)handled);
  SHOW(ppoll(NULL, 0, &bad, NULL));
  SHOW(syscall(SYS_ppoll, NULL, 0, &zero, &none, 4));
  struct { void *set; size_t size; } wrong = {&none, 4};
  SHOW(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &zero, &wrong));
  SHOW(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &zero, 1L));
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  limit_time(30);
  several();
  selects();
  wakes();
  interrupted();
  masks();
  return 0;
}
