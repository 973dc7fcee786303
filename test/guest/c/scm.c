/* SCM_RIGHTS and SCM_CREDENTIALS: descriptors of all kinds, truncation, circles, claims. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static ssize_t send_fds(int s, const int *fds, int n) {
  char c[CMSG_SPACE(sizeof(int) * 300)];
  memset(c, 0, sizeof c);
  struct iovec v = {"m", 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = CMSG_SPACE(sizeof(int) * n)};
  struct cmsghdr *h = CMSG_FIRSTHDR(&m);
  h->cmsg_level = SOL_SOCKET;
  h->cmsg_type = SCM_RIGHTS;
  h->cmsg_len = CMSG_LEN(sizeof(int) * n);
  memcpy(CMSG_DATA(h), fds, sizeof(int) * n);
  return sendmsg(s, &m, 0);
}

static int receive(int s, int *fds, size_t room, int flags) {
  char b[8], c[CMSG_SPACE(sizeof(int) * 300)];
  struct iovec v = {b, sizeof b};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room ? c : NULL, .msg_controllen = room};
  ssize_t n = recvmsg(s, &m, flags);
  if (n < 0) {
    printf("recvmsg: %s\n", strerrorname_np(errno));
    return 0;
  }
  int count = 0;
  printf("got %zd flags %#x control %zu:", n, m.msg_flags, m.msg_controllen);
  for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
    printf(" [%d %d %zu]", h->cmsg_level, h->cmsg_type, h->cmsg_len);
    if (h->cmsg_type == SCM_RIGHTS) {
      count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      memcpy(fds, CMSG_DATA(h), count * sizeof(int));
    } else if (h->cmsg_type == SCM_CREDENTIALS) {
      struct ucred u;
      memcpy(&u, CMSG_DATA(h), sizeof u);
      printf(" mine %d %d %d", u.pid == getpid(), u.uid == getuid(), u.gid == getgid());
    }
  }
  printf("\n");
  return count;
}

static void kinds(void) {
  int s[2], p[2], got[300];
  printf("-- kinds\n");
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  pipe(p);
  int fds[6] = {p[1], eventfd(5, 0), epoll_create1(0), open("/dev/null", O_RDWR), s[0], open("scm-file", O_CREAT | O_RDWR, 0600)};
  write(fds[5], "content", 7);
  SHOW(send_fds(s[0], fds, 6));
  int n = receive(s[1], got, CMSG_SPACE(6 * sizeof(int)), MSG_CMSG_CLOEXEC);
  for (int i = 0; i < n; i++) {
    struct stat a, b;
    fstat(fds[i], &a);
    fstat(got[i], &b);
    printf("%d: same %d flags %d\n", i, a.st_ino == b.st_ino && a.st_dev == b.st_dev, fcntl(got[i], F_GETFD));
  }
  close(p[1]);
  SHOW(write(got[0], "hi", 2));
  char buf[16] = {0};
  SHOW(read(p[0], buf, 16));
  printf("%s\n", buf);
  unsigned long long v;
  SHOW(read(got[1], &v, 8));
  printf("counter %llu\n", v);
  lseek(fds[5], 3, SEEK_SET);
  SHOW(lseek(got[5], 0, SEEK_CUR));
  for (int i = 0; i < n; i++) close(got[i]);
  unlink("scm-file");
}

static void truncation(void) {
  int s[2], got[300], fds[3] = {0, 0, 0}, p[2];
  printf("-- truncation\n");
  socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s);
  send_fds(s[0], fds, 3);
  SHOW(receive(s[1], got, CMSG_LEN(2 * sizeof(int)), 0));
  send_fds(s[0], fds, 3);
  SHOW(receive(s[1], got, 0, 0));
  pipe(p);
  send_fds(s[0], p + 1, 1);
  close(p[1]);
  SHOW(receive(s[1], got, 0, 0));
  char c;
  SHOW(read(p[0], &c, 1));
  int bad = 999;
  SHOW(send_fds(s[0], &bad, 1));
  static int many[300];
  SHOW(send_fds(s[0], many, 254));
  SHOW(send_fds(s[0], many, 253));
  SHOW(receive(s[1], got, CMSG_SPACE(253 * sizeof(int)), 0));
  for (int i = 3; i < 300; i++) if (i != s[0] && i != s[1]) close(i);
  pipe(p);
  SHOW(send_fds(s[0], p + 1, 1));
  close(p[1]);
  SHOW(receive(s[1], got, CMSG_SPACE(sizeof(int)), MSG_PEEK));
  SHOW(receive(s[1], got + 1, CMSG_SPACE(sizeof(int)), 0));
  close(got[0]);
  close(got[1]);
  SHOW(read(p[0], &c, 1));
}

static void streams(void) {
  int s[2], got[4], e = eventfd(0, 0);
  char buf[32] = {0};
  printf("-- streams\n");
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  write(s[0], "ab", 2);
  send_fds(s[0], &e, 1);
  write(s[0], "cd", 2);
  SHOW(read(s[1], buf, 32));
  SHOW(receive(s[1], got, CMSG_SPACE(sizeof(int)), MSG_DONTWAIT));
  write(s[0], "ab", 2);
  send_fds(s[0], &e, 1);
  write(s[0], "cd", 2);
  SHOW(receive(s[1], got, CMSG_SPACE(sizeof(int)), MSG_DONTWAIT));
  SHOW(receive(s[1], got, CMSG_SPACE(sizeof(int)), MSG_DONTWAIT));
  send_fds(s[0], &e, 1);
  SHOW(read(s[1], buf, 32));
}

/* Sockets that hold each other and nobody else: a pipe's end among them must be closed all the same. */
static void circle(void) {
  int a[2], b[2], p[2];
  printf("-- circle\n");
  socketpair(AF_UNIX, SOCK_STREAM, 0, a);
  socketpair(AF_UNIX, SOCK_STREAM, 0, b);
  pipe(p);
  send_fds(a[0], p + 1, 1);
  SHOW(send_fds(a[0], b, 2));
  SHOW(send_fds(b[0], a, 2));
  close(a[0]);
  close(a[1]);
  close(p[1]);
  struct pollfd q = {p[0], POLLIN, 0};
  SHOW(poll(&q, 1, 0));
  close(b[0]);
  close(b[1]);
  /* Linux collects circles when a socket is closed, and not while it is at it already. */
  for (int i = 0; i < 100 && poll(&q, 1, 50) == 0; i++) {
    int other[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, other);
    close(other[0]);
    close(other[1]);
  }
  printf("revents %#x\n", q.revents);
}

static void credentials(void) {
  int s[2], got[4], on = 1;
  printf("-- credentials\n");
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  SHOW(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
  write(s[0], "x", 1);
  receive(s[1], got, 200, 0);
  pid_t pid = fork();
  if (pid == 0) {
    write(s[0], "y", 1);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  write(s[0], "z", 1);
  receive(s[1], got, 200, 0);
  receive(s[1], got, 200, 0);
  char c[CMSG_SPACE(sizeof(struct ucred))];
  memset(c, 0, sizeof c);
  struct iovec v = {"m", 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
  struct cmsghdr *h = CMSG_FIRSTHDR(&m);
  struct ucred u = {getpid(), getuid(), getgid()};
  h->cmsg_level = SOL_SOCKET;
  h->cmsg_type = SCM_CREDENTIALS;
  h->cmsg_len = CMSG_LEN(sizeof u);
  memcpy(CMSG_DATA(h), &u, sizeof u);
  SHOW(sendmsg(s[0], &m, 0));
  receive(s[1], got, 200, 0);
  h->cmsg_len = CMSG_LEN(4);
  SHOW(sendmsg(s[0], &m, 0));
  h->cmsg_len = 3;
  SHOW(sendmsg(s[0], &m, 0));
  h->cmsg_len = CMSG_LEN(sizeof u);
  h->cmsg_type = 77;
  SHOW(sendmsg(s[0], &m, 0));
}

int main(void) {
  limit_time(20);
  kinds();
  truncation();
  streams();
  circle();
  fflush(stdout);
  credentials();
  return 0;
}
