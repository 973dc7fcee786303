/* epoll(7): level, edge and one-shot triggering, nesting, closed descriptors, errors, waiting. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int by_data(const void *a, const void *b) {
  const struct epoll_event *x = a, *y = b;
  return x->data.u64 < y->data.u64 ? -1 : x->data.u64 > y->data.u64;
}

static void wait_for(const char *what, int ep, int timeout) {
  struct epoll_event e[8];
  int n = epoll_wait(ep, e, 8, timeout);
  if (n > 0) qsort(e, n, sizeof *e, by_data);
  printf("%s: %d", what, n);
  for (int i = 0; i < n; i++) printf(" [%#x %llu]", e[i].events, (unsigned long long)e[i].data.u64);
  printf("\n");
}

static int control(int ep, int op, int fd, unsigned events, unsigned long long data) {
  struct epoll_event e = {.events = events, .data.u64 = data};
  return epoll_ctl(ep, op, fd, &e);
}

static void triggers(unsigned flags, const char *name) {
  int p[2], ep = epoll_create1(0);
  char c[8];
  printf("-- %s\n", name);
  pipe2(p, O_NONBLOCK);
  control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN | flags, 1);
  control(ep, EPOLL_CTL_ADD, p[1], EPOLLOUT | flags, ~0ull);
  wait_for("writable", ep, 0);
  wait_for("again", ep, 0);
  write(p[1], "abcd", 4);
  wait_for("written", ep, 0);
  wait_for("again", ep, 0);
  read(p[0], c, 1);
  wait_for("read one", ep, 0);
  write(p[1], "e", 1);
  wait_for("written more", ep, 0);
  read(p[0], c, 8);
  wait_for("read all", ep, 0);
  SHOW(control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | flags, 2));
  wait_for("modified, empty", ep, 0);
  write(p[1], "f", 1);
  SHOW(control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | flags, 3));
  wait_for("modified, ready", ep, 0);
  wait_for("again", ep, 0);
  close(p[1]);
  wait_for("hung up", ep, 0);
  wait_for("again", ep, 0);
  SHOW(control(ep, EPOLL_CTL_MOD, p[0], flags, 4));
  wait_for("no events asked for", ep, 0);
  SHOW(control(ep, EPOLL_CTL_DEL, p[0], 0, 0));
  wait_for("deleted", ep, 0);
  close(p[0]);
  close(ep);
}

static void errors(void) {
  int p[2], ep = epoll_create1(EPOLL_CLOEXEC), file = open("/etc/passwd", O_RDONLY), dir = open("/", O_RDONLY);
  struct epoll_event e = {EPOLLIN};
  printf("-- errors\n");
  pipe(p);
  SHOW(fcntl(ep, F_GETFD));
  SHOW(fcntl(ep, F_GETFL) & O_ACCMODE);
  SHOW(epoll_create(0));
  SHOW(epoll_create1(1));
  SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, file, &e));
  SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, dir, &e));
  SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, 900, &e));
  SHOW(epoll_ctl(900, EPOLL_CTL_ADD, p[0], &e));
  SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e));
  SHOW(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &e));
  SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], (void *)8));
  SHOW(epoll_ctl(ep, 17, p[0], &e));
  SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
  SHOW(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
  SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
  SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
  int twin = dup(p[0]);
  SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, twin, &e));
  SHOW(epoll_wait(ep, &e, 0, 0));
  SHOW(epoll_wait(ep, &e, -1, 0));
  SHOW(epoll_wait(900, &e, 1, 0));
  SHOW(epoll_wait(p[0], &e, 1, 0));
  write(p[1], "x", 1);
  SHOW(epoll_wait(ep, (void *)8, 1, 0));
  wait_for("two names", ep, 0);
  e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
  SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &e));
  e.events = EPOLLOUT | EPOLLEXCLUSIVE | EPOLLET;
  SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &e));
  e.events = EPOLLOUT;
  SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, p[1], &e));
  char c[8];
  SHOW(read(ep, c, 8));
  SHOW(write(ep, c, 8));
}

static void closing(void) {
  int p[2], ep = epoll_create1(0);
  printf("-- closing\n");
  pipe(p);
  int twin = dup(p[0]);
  control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 1);
  write(p[1], "x", 1);
  int number = p[0];
  close(p[0]);
  wait_for("closed, its twin lives", ep, 0);
  SHOW(control(ep, EPOLL_CTL_DEL, number, 0, 0));
  int other = dup2(p[1], number);
  printf("same number %d\n", other == number);
  SHOW(control(ep, EPOLL_CTL_MOD, number, EPOLLIN, 2));
  SHOW(control(ep, EPOLL_CTL_ADD, number, EPOLLOUT, 2));
  wait_for("two of one number", ep, 0);
  close(twin);
  wait_for("the twin is gone too", ep, 0);
  close(number), close(p[1]);
  wait_for("all closed", ep, 0);
}

static void nesting(void) {
  int inner = epoll_create1(0), outer = epoll_create1(0), e = eventfd(0, EFD_NONBLOCK), chain[7];
  printf("-- nesting\n");
  SHOW(control(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 7));
  SHOW(control(inner, EPOLL_CTL_ADD, e, EPOLLIN, 8));
  wait_for("outer", outer, 0);
  unsigned long long one = 1;
  write(e, &one, 8);
  wait_for("outer", outer, 0);
  wait_for("inner", inner, 0);
  read(e, &one, 8);
  wait_for("outer", outer, 0);
  SHOW(control(inner, EPOLL_CTL_ADD, outer, EPOLLIN, 9));
  SHOW(control(outer, EPOLL_CTL_ADD, inner, EPOLLIN | EPOLLEXCLUSIVE, 9));
  for (int i = 0; i < 7; i++) chain[i] = epoll_create1(0);
  for (int i = 0; i < 6; i++) SHOW(control(chain[i], EPOLL_CTL_ADD, chain[i + 1], EPOLLIN, i));
}

static void fairness(void) {
  int ep = epoll_create1(0), seen[4] = {0};
  struct epoll_event ev;
  printf("-- one at a time\n");
  for (int i = 0; i < 4; i++) control(ep, EPOLL_CTL_ADD, eventfd(1, 0), EPOLLIN, i);
  for (int i = 0; i < 8; i++) {
    epoll_wait(ep, &ev, 1, 0);
    seen[ev.data.u64]++;
  }
  for (int i = 0; i < 4; i++) printf("%d seen %d\n", i, seen[i]);
}

static void sockets(void) {
  int s[2], ep = epoll_create1(0);
  char c[8];
  printf("-- sockets\n");
  socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s);
  control(ep, EPOLL_CTL_ADD, s[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, 1);
  wait_for("fresh", ep, 0);
  write(s[1], "ab", 2);
  wait_for("data", ep, 0);
  wait_for("again", ep, 0);
  write(s[1], "c", 1);
  wait_for("more data", ep, 0);
  read(s[0], c, 8);
  shutdown(s[1], SHUT_WR);
  wait_for("half closed", ep, 0);
  close(s[1]);
  wait_for("closed", ep, 0);
}

static void *write_later(void *fd) {
  unsigned long long one = 1;
  sleep_ms(30);
  write(*(int *)fd, &one, 8);
  return NULL;
}

static void on_signal(int s) { (void)s; }

static void signal_in(long ms) {
  pid_t parent = getpid();
  if (fork() == 0) {
    sleep_ms(ms);
    kill(parent, SIGUSR1);
    _exit(0);
  }
}

static void waiting(void) {
  int ep = epoll_create1(0), e = eventfd(0, 0);
  pthread_t t;
  printf("-- waiting\n");
  control(ep, EPOLL_CTL_ADD, e, EPOLLIN, 5);
  long long start = now_ms();
  wait_for("nothing", ep, 30);
  printf("%s\n", now_ms() - start >= 30 ? "waited" : "too early");
  pthread_create(&t, NULL, write_later, &e);
  wait_for("woken", ep, -1);
  pthread_join(t, NULL);
  unsigned long long v;
  read(e, &v, 8);
  struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &a, NULL);
  struct epoll_event ev;
  signal_in(30);
  SHOW(epoll_wait(ep, &ev, 1, 5000));
  wait(NULL);
  sigset_t blocked, none;
  sigemptyset(&none), sigemptyset(&blocked), sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  raise(SIGUSR1);
  SHOW(epoll_wait(ep, &ev, 1, 10));
  SHOW(epoll_pwait(ep, &ev, 1, 5000, &none));
  SHOW(epoll_pwait(ep, &ev, 1, 10, &none));
  struct timespec t20 = {0, 20000000}, bad = {0, -1};
  SHOW(syscall(SYS_epoll_pwait2, ep, &ev, 1, &t20, NULL, 0));
  SHOW(syscall(SYS_epoll_pwait2, ep, &ev, 1, &bad, NULL, 0));
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  limit_time(30);
  triggers(0, "level");
  triggers(EPOLLET, "edge");
  triggers(EPOLLONESHOT, "one-shot");
  triggers(EPOLLONESHOT | EPOLLET, "one-shot, edge");
  errors();
  closing();
  nesting();
  fairness();
  sockets();
  waiting();
  return 0;
}
