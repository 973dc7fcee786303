/* socketpair(2): streams, datagrams, closing, options, descriptors in messages. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

static char big[300000];

static void show_poll(const char *what, int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  int n = poll(&p, 1, 0);
  printf("%s: poll %d revents %#x\n", what, n, p.revents);
}

static int option(int fd, int which) {
  int value = -7;
  socklen_t len = sizeof value;
  return getsockopt(fd, SOL_SOCKET, which, &value, &len) == -1 ? -errno : value;
}

static void stream(void) {
  int s[2];
  char buf[64] = {0};
  printf("-- stream\n");
  SHOW(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s));
  SHOW(fcntl(s[0], F_GETFL));
  SHOW(fcntl(s[0], F_GETFD));
  show_poll("fresh", s[0]);
  SHOW(read(s[0], buf, 8));
  SHOW(write(s[1], "hello", 5));
  SHOW(send(s[1], " world", 6, 0));
  int n = -1;
  ioctl(s[0], FIONREAD, &n);
  printf("FIONREAD %d\n", n);
  SHOW(recv(s[0], buf, 3, MSG_PEEK));
  SHOW(recv(s[0], buf, 64, 0));
  printf("%s\n", buf);
  SHOW(recv(s[0], buf, 8, MSG_DONTWAIT));
  SHOW(lseek(s[0], 0, SEEK_SET));
  SHOW(pread(s[0], buf, 1, 0));
  SHOW(recv(s[0], buf, 8, MSG_OOB) == -1);
  struct stat st;
  fstat(s[0], &st);
  printf("mode %o\n", st.st_mode);
  printf("type %d error %d domain %d protocol %d listening %d\n", option(s[0], SO_TYPE), option(s[0], SO_ERROR),
         option(s[0], SO_DOMAIN), option(s[0], SO_PROTOCOL), option(s[0], SO_ACCEPTCONN));
  SHOW(option(s[0], 9999));
  struct ucred c;
  socklen_t len = sizeof c;
  SHOW(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &c, &len));
  printf("peer %d %d %d\n", c.pid == getpid(), c.uid == getuid(), c.gid == getgid());
  struct sockaddr_un a;
  len = sizeof a;
  SHOW(getsockname(s[0], (void *)&a, &len));
  printf("family %d length %d\n", a.sun_family, (int)len);
  len = sizeof a;
  SHOW(getpeername(s[0], (void *)&a, &len));
  printf("family %d length %d\n", a.sun_family, (int)len);
  SHOW(listen(s[0], 1));
  SHOW(accept(s[0], NULL, NULL));
  int full = 0;
  while (write(s[1], big, 1000) > 0) full = 1;
  printf("full %d %s\n", full, strerrorname_np(errno));
  show_poll("full", s[1]);
  while (read(s[0], big, sizeof big) > 0) continue;
  show_poll("read", s[1]);
  SHOW(shutdown(s[1], 7));
  write(s[1], "end", 3);
  SHOW(shutdown(s[1], SHUT_WR));
  SHOW(send(s[1], "x", 1, MSG_NOSIGNAL));
  show_poll("half closed", s[0]);
  show_poll("its peer", s[1]);
  SHOW(read(s[0], buf, 8));
  SHOW(read(s[0], buf, 8));
  SHOW(write(s[0], "back", 4));
  SHOW(read(s[1], buf, 8));
  close(s[0]);
  show_poll("closed", s[1]);
  SHOW(read(s[1], buf, 8));
  SHOW(send(s[1], "x", 1, MSG_NOSIGNAL));
  len = sizeof a;
  SHOW(getpeername(s[1], (void *)&a, &len));
  close(s[1]);
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  write(s[1], "unread", 6);
  close(s[0]);
  show_poll("closed with unread", s[1]);
  SHOW(read(s[1], buf, 8));
  SHOW(read(s[1], buf, 8));
  close(s[1]);
  signal(SIGPIPE, SIG_IGN);
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  close(s[0]);
  SHOW(write(s[1], "x", 1));
  close(s[1]);
}

static void messages(int type, const char *name) {
  int s[2];
  char buf[64] = {0};
  printf("-- %s\n", name);
  SHOW(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, s));
  SHOW(write(s[0], "first", 5));
  SHOW(send(s[0], "second", 6, MSG_EOR));
  SHOW(recv(s[1], buf, 2, 0));
  SHOW(recv(s[1], buf, 2, MSG_TRUNC | MSG_PEEK));
  SHOW(read(s[1], buf, 64));
  printf("%.6s\n", buf);
  SHOW(read(s[1], buf, 64));
  SHOW(send(s[0], big, sizeof big, 0));
  struct iovec v[2] = {{"ab", 2}, {"cd", 2}};
  SHOW(writev(s[0], v, 2));
  SHOW(read(s[1], buf, 64));
  printf("%.4s\n", buf);
  write(s[0], "left", 4);
  close(s[0]);
  show_poll("closed", s[1]);
  SHOW(read(s[1], buf, 64));
  SHOW(send(s[1], "x", 1, MSG_NOSIGNAL));
  SHOW(send(s[1], "x", 1, MSG_NOSIGNAL));
  SHOW(recv(s[1], buf, 1, 0));
  close(s[1]);
}

static int send_fd(int socket, int fd, const char *text) {
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec v = {(void *)text, strlen(text)};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(c), &fd, sizeof fd);
  return sendmsg(socket, &m, 0);
}

static int receive_fd(int socket, size_t room, int flags) {
  char control[64] = {0}, buf[16] = {0};
  struct iovec v = {buf, sizeof buf};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
  int n = recvmsg(socket, &m, flags), fd = -1;
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  printf("received %d flags %#x control %d", n, m.msg_flags & ~MSG_CMSG_CLOEXEC, (int)m.msg_controllen);
  if (n > 0) printf(" '%.*s'", n, buf);
  if (c && c->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(c), sizeof fd);
  printf(" descriptor %s\n", fd >= 0 ? "yes" : "no");
  return fd;
}

static void rights(void) {
  int s[2], p[2];
  char buf[16] = {0};
  printf("-- rights\n");
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  pipe(p);
  SHOW(send_fd(s[0], p[1], "take"));
  SHOW(send_fd(s[0], 900, "x"));
  close(p[1]);
  int w = receive_fd(s[1], 64, MSG_CMSG_CLOEXEC);
  SHOW(fcntl(w, F_GETFD));
  SHOW(write(w, "through", 7));
  close(w);
  SHOW(read(p[0], buf, 16));
  SHOW(read(p[0], buf, 16));
  SHOW(send_fd(s[0], p[0], "again"));
  receive_fd(s[1], 0, 0);
  SHOW(send_fd(s[0], p[0], "one"));
  write(s[0], "two", 3);
  receive_fd(s[1], 64, 0);
  receive_fd(s[1], 64, 0);
  SHOW(send_fd(s[0], p[0], "dropped"));
  SHOW(read(s[1], buf, 16));
  pid_t child = fork();
  if (child == 0) {
    int fd = receive_fd(s[1], 64, 0);
    SHOW(write(fd, "child", 5));
    fflush(stdout);
    _exit(0);
  }
  pipe(p);
  send_fd(s[0], p[1], "go");
  close(p[1]);
  waitpid(child, NULL, 0);
  close(s[0]), close(s[1]);
  SHOW(read(p[0], buf, 16));
  SHOW(read(p[0], buf, 16));
}

static void credentials(void) {
  int s[2], on = 1;
  char control[64] = {0}, buf[8];
  printf("-- credentials\n");
  socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
  SHOW(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
  printf("%d\n", option(s[1], SO_PASSCRED));
  write(s[0], "x", 1);
  struct iovec v = {buf, sizeof buf};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  SHOW(recvmsg(s[1], &m, 0));
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  struct ucred u;
  memcpy(&u, CMSG_DATA(c), sizeof u);
  printf("type %d length %d: %d %d %d\n", c->cmsg_type, (int)c->cmsg_len, u.pid == getpid(), u.uid == getuid(),
         u.gid == getgid());
}

int main(void) {
  int s[2];
  setvbuf(stdout, NULL, _IONBF, 0);
  limit_time(30);
  stream();
  messages(SOCK_DGRAM, "datagrams");
  messages(SOCK_SEQPACKET, "sequenced packets");
  rights();
  credentials();
  printf("-- errors\n");
  SHOW(socketpair(AF_INET, SOCK_STREAM, 0, s));
  SHOW(socketpair(AF_UNIX, SOCK_STREAM, 17, s));
  SHOW(socketpair(AF_UNIX, SOCK_RDM, 0, s));
  SHOW(socketpair(AF_UNIX, SOCK_STREAM | 0x100, 0, s));
  SHOW(socketpair(999, SOCK_STREAM, 0, s));
  SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8));
  int null = open("/dev/null", O_RDWR);
  SHOW(shutdown(null, SHUT_WR));
  SHOW(shutdown(900, SHUT_WR));
  SHOW(send(null, "x", 1, 0));
  return 0;
}
