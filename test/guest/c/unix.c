/* unix(7): names, connections, datagrams, options, what poll says of each. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct sockaddr_un a;
static socklen_t len;

static void path_name(const char *path) {
  memset(&a, 0, sizeof a);
  a.sun_family = AF_UNIX;
  strcpy(a.sun_path, path);
  len = offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
}

static void abstract_name(const char *name) {
  memset(&a, 0, sizeof a);
  a.sun_family = AF_UNIX;
  memcpy(a.sun_path + 1, name, strlen(name));
  len = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
}

static void show_poll(const char *what, int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  poll(&p, 1, 0);
  printf("%s: revents %#x\n", what, p.revents);
}

static void show_name(const char *what, int (*get)(int, struct sockaddr *, socklen_t *), int fd) {
  struct sockaddr_un n;
  socklen_t l = sizeof n;
  memset(&n, 0, sizeof n);
  if (get(fd, (void *)&n, &l) == -1) {
    printf("%s: %s\n", what, strerrorname_np(errno));
    return;
  }
  printf("%s: length %d family %d path %s%s\n", what, (int)l, n.sun_family, l > 2 && !n.sun_path[0] ? "@" : "",
         l > 2 ? n.sun_path + !n.sun_path[0] : "-");
}

static void streams(int type) {
  char buf[64] = {0};
  printf("-- type %d\n", type);
  unlink("sock");
  int l = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
  show_poll("fresh", l);
  SHOW(listen(l, 1));
  path_name("sock");
  SHOW(bind(l, (void *)&a, len));
  SHOW(bind(l, (void *)&a, len));
  struct stat st;
  stat("sock", &st);
  printf("socket inode: %d\n", S_ISSOCK(st.st_mode));
  SHOW(open("sock", O_RDWR));
  int c = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
  SHOW(connect(c, (void *)&a, len));
  SHOW(accept(l, NULL, NULL));
  SHOW(listen(l, 1));
  SHOW(accept(l, NULL, NULL));
  show_poll("listening", l);
  SHOW(connect(c, (void *)&a, len));
  show_poll("asked", l);
  show_poll("connected", c);
  SHOW(connect(c, (void *)&a, len));
  SHOW(write(c, "early", 5));
  int more[4];
  for (int i = 0; i < 4; i++) {
    more[i] = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
    SHOW(connect(more[i], (void *)&a, len));
  }
  struct sockaddr_un from;
  socklen_t fl = sizeof from;
  int s = accept4(l, (void *)&from, &fl, SOCK_CLOEXEC);
  printf("from: length %d\n", (int)fl);
  SHOW(fcntl(s, F_GETFD));
  SHOW(fcntl(s, F_GETFL));
  SHOW(connect(more[2], (void *)&a, len));
  SHOW(read(s, buf, 64));
  printf("%s\n", buf);
  show_name("server", getsockname, s);
  show_name("server peer", getpeername, s);
  show_name("client", getsockname, c);
  show_name("client peer", getpeername, c);
  struct ucred u;
  socklen_t ul = sizeof u;
  SHOW(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &ul));
  printf("peer of client: %d %d\n", u.pid == getpid(), u.uid == getuid());
  ul = sizeof u;
  SHOW(getsockopt(l, SOL_SOCKET, SO_PEERCRED, &u, &ul));
  int v = -1;
  socklen_t vl = sizeof v;
  SHOW(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &v, &vl));
  printf("accepts %d\n", v);
  SHOW(sendto(c, "x", 1, 0, (void *)&a, len) == -1 ? -1 : 1);
  close(l);
  show_poll("reset before accept", more[0]);
  SHOW(read(more[0], buf, 1));
  SHOW(connect(more[3], (void *)&a, len));
  close(s);
  show_poll("peer closed", c);
  show_name("peer after close", getpeername, c);
  SHOW(read(c, buf, 1));
  SHOW(send(c, "x", 1, MSG_NOSIGNAL));
  SHOW(shutdown(c, SHUT_RDWR));
  close(c);
  for (int i = 0; i < 4; i++) close(more[i]);
  unlink("sock");
}

static void names(void) {
  printf("-- names\n");
  int s = socket(AF_UNIX, SOCK_STREAM, 0), t = socket(AF_UNIX, SOCK_STREAM, 0), d = socket(AF_UNIX, SOCK_DGRAM, 0);
  abstract_name("troupe-test-name");
  show_name("unnamed", getsockname, s);
  show_name("unconnected", getpeername, s);
  SHOW(connect(s, (void *)&a, len));
  SHOW(bind(s, (void *)&a, len));
  SHOW(bind(t, (void *)&a, len));
  show_name("abstract", getsockname, s);
  SHOW(connect(d, (void *)&a, len));
  SHOW(listen(d, 1));
  close(s);
  SHOW(bind(t, (void *)&a, len));
  a.sun_family = AF_UNIX;
  SHOW(bind(d, (void *)&a, 2));
  struct sockaddr_un n;
  socklen_t l = sizeof n;
  getsockname(d, (void *)&n, &l);
  printf("automatic: length %d abstract %d\n", (int)l, n.sun_path[0] == 0);
  path_name("no/such/place");
  SHOW(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, len));
  SHOW(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, len));
  path_name("plain");
  close(open("plain", O_CREAT | O_WRONLY, 0600));
  SHOW(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, len));
  SHOW(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, len));
  unlink("plain");
  SHOW(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, 1));
  SHOW(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, 200));
  a.sun_family = AF_INET;
  SHOW(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, len));
  SHOW(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, len));
  SHOW(shutdown(socket(AF_UNIX, SOCK_STREAM, 0), SHUT_RD));
  SHOW(read(socket(AF_UNIX, SOCK_STREAM, 0), &n, 1));
  SHOW(send(socket(AF_UNIX, SOCK_STREAM, 0), &n, 1, 0));
  SHOW(send(socket(AF_UNIX, SOCK_DGRAM, 0), &n, 1, 0));
  SHOW(recv(socket(AF_UNIX, SOCK_SEQPACKET, 0), &n, 1, 0));
  SHOW(socket(AF_UNIX, SOCK_RDM, 0));
  SHOW(socket(AF_UNIX, SOCK_STREAM, 7));
  SHOW(socket(AF_UNIX, 77, 0));
  SHOW(socket(99, SOCK_STREAM, 0));
}

static void datagrams(void) {
  char buf[64] = {0};
  printf("-- datagrams\n");
  int r = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), s = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  abstract_name("troupe-test-r");
  struct sockaddr_un to = a;
  socklen_t tol = len;
  bind(r, (void *)&a, len);
  SHOW(sendto(s, "unnamed", 7, 0, (void *)&to, tol));
  abstract_name("troupe-test-s");
  bind(s, (void *)&a, len);
  SHOW(sendto(s, "named", 5, 0, (void *)&to, tol));
  struct sockaddr_un from;
  socklen_t fl = sizeof from;
  SHOW(recvfrom(r, buf, 64, 0, (void *)&from, &fl));
  printf("from length %d\n", (int)fl);
  fl = sizeof from;
  SHOW(recvfrom(r, buf, 2, MSG_TRUNC, (void *)&from, &fl));
  printf("from length %d %s\n", (int)fl, from.sun_path + 1);
  SHOW(recv(r, buf, 64, 0));
  SHOW(connect(s, (void *)&to, tol));
  int n = 0;
  while (send(s, "fill", 4, 0) == 4) n++;
  printf("%d fit: %s\n", n, strerrorname_np(errno));
  show_poll("full", s);
  recv(r, buf, 64, 0);
  show_poll("room", s);
  SHOW(connect(r, (void *)&a, len));
  show_poll("mutual", s);
  int other = socket(AF_UNIX, SOCK_DGRAM, 0);
  SHOW(sendto(other, "x", 1, 0, (void *)&to, tol));
  a.sun_family = AF_UNSPEC;
  SHOW(connect(r, (void *)&a, sizeof a.sun_family));
  SHOW(shutdown(r, SHUT_RD));
  SHOW(send(s, "x", 1, MSG_NOSIGNAL));
  close(r);
  SHOW(send(s, "x", 1, 0));
  SHOW(send(s, "x", 1, 0));
  SHOW(sendto(s, "x", 1, 0, (void *)&to, tol));
}

static void waiting(void) {
  printf("-- waiting\n");
  int l = socket(AF_UNIX, SOCK_STREAM, 0);
  abstract_name("troupe-test-w");
  bind(l, (void *)&a, len);
  listen(l, 0);
  pid_t pid = fork();
  if (pid == 0) {
    limit_time(10);
    int fds[3];
    for (int i = 0; i < 3; i++) {
      fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
      if (connect(fds[i], (void *)&a, len) == -1) _exit(1);
      char c = '0' + i;
      write(fds[i], &c, 1);
    }
    _exit(0);
  }
  for (int i = 0; i < 3; i++) {
    char c = 0;
    int s = accept(l, NULL, NULL);
    if (s == -1) printf("accept: %s\n", strerrorname_np(errno));
    read(s, &c, 1);
    printf("accepted %c\n", c);
    struct ucred u;
    socklen_t ul = sizeof u;
    getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &ul);
    printf("peer is the child: %d\n", u.pid == pid);
  }
  int status;
  waitpid(pid, &status, 0);
  printf("status %#x\n", status);
  struct timeval tv = {0, 30000};
  SHOW(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
  long long t = now_ms();
  SHOW(accept(l, NULL, NULL));
  printf("waited: %d\n", now_ms() - t >= 25);
  int p[2];
  char c;
  socketpair(AF_UNIX, SOCK_STREAM, 0, p);
  setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
  SHOW(read(p[0], &c, 1));
  SHOW(recv(p[0], &c, 1, 0));
  static char big[1 << 20];
  setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
  ssize_t w = write(p[0], big, sizeof big);
  printf("partial: %d\n", w > 0 && w < (ssize_t)sizeof big);
  SHOW(write(p[0], big, 1));
}

int main(void) {
  limit_time(20);
  signal(SIGPIPE, SIG_IGN);
  streams(SOCK_STREAM);
  streams(SOCK_SEQPACKET);
  names();
  datagrams();
  fflush(stdout);
  waiting();
  return 0;
}
