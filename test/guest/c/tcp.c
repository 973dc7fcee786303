/* TCP and UDP on the loopback: connections, errors, half-closing, resets, options, readiness. */
#define _GNU_SOURCE
#include "check.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct sockaddr_in at;
static char big[1 << 20];

static void show_poll(const char *what, int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0};
  poll(&p, 1, 0);
  printf("%s: revents %#x\n", what, p.revents);
}

static int option(int fd, int level, int name) {
  int v = -7;
  socklen_t l = sizeof v;
  return getsockopt(fd, level, name, &v, &l) == -1 ? -errno : v;
}

static int set(int fd, int level, int name, int v) { return setsockopt(fd, level, name, &v, sizeof v); }

static int listener(int type) {
  int l = socket(AF_INET, type, 0);
  at = (struct sockaddr_in){AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
  bind(l, (void *)&at, sizeof at);
  if (type == SOCK_STREAM) listen(l, 8);
  socklen_t len = sizeof at;
  getsockname(l, (void *)&at, &len);
  return l;
}

static void pair(int *c, int *s) {
  int l = listener(SOCK_STREAM);
  *c = socket(AF_INET, SOCK_STREAM, 0);
  connect(*c, (void *)&at, sizeof at);
  *s = accept(l, NULL, NULL);
  close(l);
}

static void connections(void) {
  char buf[64] = {0};
  int c, s;
  printf("-- connections\n");
  int l = listener(SOCK_STREAM);
  printf("port chosen %d\n", ntohs(at.sin_port) >= 32768);
  show_poll("listening", l);
  c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  show_poll("fresh", c);
  SHOW(read(c, buf, 1));
  SHOW(send(c, "x", 1, MSG_NOSIGNAL));
  int shut = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(shutdown(shut, SHUT_RDWR));
  show_poll("shut before", shut);
  close(shut);
  SHOW(connect(c, (void *)&at, sizeof at));
  struct pollfd p = {c, POLLOUT, 0};
  SHOW(poll(&p, 1, 1000));
  SHOW(option(c, SOL_SOCKET, SO_ERROR));
  SHOW(connect(c, (void *)&at, sizeof at));
  SHOW(connect(c, (void *)&at, sizeof at));
  show_poll("asked", l);
  struct sockaddr_in from, mine;
  socklen_t len = sizeof from;
  s = accept4(l, (void *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
  printf("flags %#x %d\n", fcntl(s, F_GETFL), fcntl(s, F_GETFD));
  len = sizeof mine;
  getsockname(c, (void *)&mine, &len);
  printf("names agree %d %s length %d\n", mine.sin_port == from.sin_port, inet_ntoa(from.sin_addr), (int)len);
  len = sizeof from;
  getpeername(c, (void *)&from, &len);
  printf("peer agrees %d\n", from.sin_port == at.sin_port);
  SHOW(read(s, buf, 1));
  SHOW(send(c, "hello", 5, 0));
  int n = 0;
  SHOW(ioctl(s, FIONREAD, &n));
  printf("FIONREAD %d\n", n);
  SHOW(recv(s, buf, 2, MSG_PEEK));
  SHOW(recv(s, buf, 3, MSG_TRUNC));
  SHOW(recv(s, buf, 64, 0));
  SHOW(recvfrom(s, buf, 0, 0, NULL, NULL));
  show_poll("idle", s);
  SHOW(shutdown(c, SHUT_WR));
  SHOW(send(c, "x", 1, MSG_NOSIGNAL));
  show_poll("half closed here", c);
  show_poll("half closed there", s);
  SHOW(read(s, buf, 1));
  SHOW(write(s, "answer", 6));
  SHOW(read(c, buf, 64));
  SHOW(shutdown(s, SHUT_WR));
  show_poll("both closed", c);
  show_poll("both closed", s);
  SHOW(getpeername(s, (void *)&from, &len));
  SHOW(read(c, buf, 1));
  close(c);
  close(s);
  SHOW(shutdown(l, SHUT_RD));
  SHOW(accept(l, NULL, NULL));
  close(l);
}

static void errors(void) {
  printf("-- errors\n");
  int l = listener(SOCK_STREAM);
  struct sockaddr_in there = at;
  int d = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(bind(d, (void *)&there, sizeof there));
  set(d, SOL_SOCKET, SO_REUSEADDR, 1);
  SHOW(bind(d, (void *)&there, sizeof there));
  SHOW(bind(d, (void *)&there, 3));
  there.sin_addr.s_addr = inet_addr("127.0.0.9");
  SHOW(bind(d, (void *)&there, sizeof there));
  SHOW(bind(d, (void *)&there, sizeof there));
  there.sin_addr.s_addr = inet_addr("198.51.100.7");
  SHOW(bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&there, sizeof there));
  there.sin_family = AF_UNIX;
  SHOW(bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&there, sizeof there));
  SHOW(connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&there, sizeof there));
  SHOW(connect(l, (void *)&at, sizeof at));
  SHOW(getpeername(l, (void *)&there, &(socklen_t){sizeof there}));
  SHOW(read(l, big, 1));
  close(l);
  int c = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(connect(c, (void *)&at, sizeof at));
  show_poll("refused", c);
  SHOW(option(c, SOL_SOCKET, SO_ERROR));
  c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  SHOW(connect(c, (void *)&at, sizeof at));
  poll(&(struct pollfd){c, POLLOUT, 0}, 1, 1000);
  show_poll("refused later", c);
  SHOW(option(c, SOL_SOCKET, SO_ERROR));
  SHOW(option(c, SOL_SOCKET, SO_ERROR));
  show_poll("told", c);
  SHOW(socket(AF_INET, SOCK_SEQPACKET, 0));
  SHOW(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
  SHOW(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0, 0}));
  SHOW(listen(socket(AF_INET, SOCK_DGRAM, 0), 1));
  SHOW(accept(socket(AF_INET, SOCK_STREAM, 0), NULL, NULL));
  SHOW(accept(0, NULL, NULL));
  SHOW(accept(999, NULL, NULL));
}

static void resets(void) {
  int c, s;
  char x;
  printf("-- resets\n");
  pair(&c, &s);
  write(s, "unread", 6);
  sleep_ms(5);
  close(c);
  sleep_ms(5);
  show_poll("closed unread", s);
  SHOW(read(s, &x, 1));
  SHOW(read(s, &x, 1));
  SHOW(send(s, "x", 1, MSG_NOSIGNAL));
  pair(&c, &s);
  SHOW(write(c, "kept", 4));
  setsockopt(c, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
  close(c);
  sleep_ms(5);
  show_poll("aborted", s);
  SHOW(read(s, big, 64));
  SHOW(read(s, big, 64));
  SHOW(read(s, big, 64));
  pair(&c, &s);
  close(c);
  sleep_ms(5);
  show_poll("closed", s);
  SHOW(send(s, "x", 1, MSG_NOSIGNAL));
  sleep_ms(5);
  show_poll("sent to nobody", s);
  SHOW(send(s, "x", 1, MSG_NOSIGNAL));
  SHOW(read(s, &x, 1));
  SHOW(option(s, SOL_SOCKET, SO_ERROR));
  pid_t pid = fork();
  if (pid == 0) {
    write(s, "x", 1);
    _exit(0);
  }
  int status;
  waitpid(pid, &status, 0);
  printf("SIGPIPE: %d\n", WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
  int l = listener(SOCK_STREAM);
  c = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(connect(c, (void *)&at, sizeof at));
  close(l);
  sleep_ms(5);
  show_poll("never accepted", c);
  SHOW(read(c, &x, 1));
}

static void *reader(void *arg) {
  size_t total = 0;
  for (ssize_t n; (n = read(*(int *)arg, big, sizeof big)) > 0;) total += n;
  return (void *)total;
}

static void flow(void) {
  int c, s;
  printf("-- flow\n");
  pair(&c, &s);
  fcntl(c, F_SETFL, O_NONBLOCK);
  size_t sent = 0;
  static char piece[65536];
  for (ssize_t n; (n = write(c, piece, sizeof piece)) > 0;) sent += n;
  printf("full: %s, more than 64 kB %d\n", strerrorname_np(errno), sent > 65536);
  int e = epoll_create1(0);
  struct epoll_event ev = {EPOLLOUT | EPOLLET, {0}};
  epoll_ctl(e, EPOLL_CTL_ADD, c, &ev);
  SHOW(epoll_wait(e, &ev, 1, 0));
  pthread_t t;
  pthread_create(&t, NULL, reader, &s);
  SHOW(epoll_wait(e, &ev, 1, 3000));
  fcntl(c, F_SETFL, 0);
  static char whole[3 << 20];
  SHOW(write(c, whole, sizeof whole));
  close(c);
  void *total;
  pthread_join(t, &total);
  printf("all arrived: %d\n", (size_t)total == sent + sizeof whole);
  pair(&c, &s);
  if (fork() == 0) {
    write(c, "one", 3);
    sleep_ms(20);
    write(c, "two", 3);
    _exit(0);
  }
  SHOW(recv(s, big, 6, MSG_WAITALL));
  wait(NULL);
  close(c);
  SHOW(recv(s, big, 6, MSG_WAITALL));
}

static void options(void) {
  printf("-- options\n");
  int c = socket(AF_INET, SOCK_STREAM, 0);
  int levels[][2] = {{SOL_SOCKET, SO_TYPE},     {SOL_SOCKET, SO_DOMAIN},    {SOL_SOCKET, SO_PROTOCOL},
                     {SOL_SOCKET, SO_SNDBUF},   {SOL_SOCKET, SO_RCVBUF},    {SOL_SOCKET, SO_REUSEADDR},
                     {SOL_SOCKET, SO_KEEPALIVE}, {SOL_SOCKET, SO_BROADCAST}, {SOL_SOCKET, SO_RCVLOWAT},
                     {SOL_SOCKET, SO_ACCEPTCONN}, {SOL_SOCKET, SO_OOBINLINE}, {SOL_SOCKET, 9999},
                     {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_KEEPIDLE}, {IPPROTO_TCP, TCP_KEEPINTVL},
                     {IPPROTO_TCP, TCP_KEEPCNT}, {IPPROTO_TCP, TCP_SYNCNT},  {IPPROTO_TCP, TCP_MAXSEG},
                     {IPPROTO_TCP, TCP_USER_TIMEOUT}, {IPPROTO_TCP, TCP_QUICKACK}, {IPPROTO_TCP, 9999},
                     {IPPROTO_IP, IP_TOS},       {IPPROTO_IP, IP_TTL},        {IPPROTO_IP, IP_MTU}, {12345, 1}};
  for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
    printf("%d %d: %d\n", levels[i][0], levels[i][1], option(c, levels[i][0], levels[i][1]));
  SHOW(set(c, IPPROTO_TCP, TCP_NODELAY, 7));
  SHOW(option(c, IPPROTO_TCP, TCP_NODELAY));
  SHOW(set(c, IPPROTO_TCP, TCP_KEEPCNT, 0));
  SHOW(set(c, IPPROTO_TCP, TCP_KEEPCNT, 3));
  SHOW(option(c, IPPROTO_TCP, TCP_KEEPCNT));
  SHOW(set(c, IPPROTO_IP, IP_TTL, 300));
  SHOW(set(c, SOL_SOCKET, SO_SNDBUF, 10000));
  SHOW(option(c, SOL_SOCKET, SO_SNDBUF));
  SHOW(set(c, SOL_SOCKET, SO_RCVBUF, 1));
  SHOW(option(c, SOL_SOCKET, SO_RCVBUF));
  SHOW(setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &c, 1));
  SHOW(set(c, SOL_SOCKET, SO_TYPE, 1));
  struct linger g = {1, 9};
  socklen_t len = sizeof g;
  SHOW(setsockopt(c, SOL_SOCKET, SO_LINGER, &g, sizeof g));
  SHOW(getsockopt(c, SOL_SOCKET, SO_LINGER, &g, &len));
  printf("linger %d %d length %d\n", g.l_onoff, g.l_linger, (int)len);
}

static void datagrams(void) {
  char buf[64] = {0};
  printf("-- datagrams\n");
  int r = listener(SOCK_DGRAM), s = socket(AF_INET, SOCK_DGRAM, 0);
  show_poll("fresh", s);
  SHOW(send(s, "x", 1, 0));
  SHOW(sendto(s, "first", 5, 0, (void *)&at, sizeof at));
  SHOW(sendto(s, "", 0, 0, (void *)&at, sizeof at));
  SHOW(sendto(s, big, 65508, 0, (void *)&at, sizeof at));
  struct sockaddr_in from;
  socklen_t len = sizeof from;
  SHOW(recvfrom(r, buf, 2, MSG_TRUNC, (void *)&from, &len));
  printf("from %s length %d\n", inet_ntoa(from.sin_addr), (int)len);
  SHOW(recv(r, buf, 64, 0));
  SHOW(recv(r, buf, 64, MSG_DONTWAIT));
  SHOW(connect(s, (void *)&at, sizeof at));
  SHOW(send(s, "connected", 9, 0));
  SHOW(sendto(r, "back", 4, 0, (void *)&from, sizeof from));
  SHOW(recv(s, buf, 64, 0));
  int other = socket(AF_INET, SOCK_DGRAM, 0);
  SHOW(sendto(other, "stranger", 8, 0, (void *)&from, sizeof from));
  SHOW(recv(s, buf, 64, MSG_DONTWAIT));
  close(r);
  SHOW(send(s, "x", 1, 0));
  sleep_ms(5);
  show_poll("unreachable", s);
  SHOW(recv(s, buf, 64, MSG_DONTWAIT));
  SHOW(recv(s, buf, 64, MSG_DONTWAIT));
  struct mmsghdr m[3];
  struct iovec v[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}};
  memset(m, 0, sizeof m);
  r = listener(SOCK_DGRAM);
  for (int i = 0; i < 3; i++) {
    m[i].msg_hdr.msg_iov = &v[i];
    m[i].msg_hdr.msg_iovlen = 1;
    m[i].msg_hdr.msg_name = &at;
    m[i].msg_hdr.msg_namelen = sizeof at;
  }
  SHOW(sendmmsg(other, m, 3, 0));
  printf("%d %d %d\n", m[0].msg_len, m[1].msg_len, m[2].msg_len);
  for (int i = 0; i < 3; i++) {
    v[i] = (struct iovec){buf + 8 * i, 8};
    m[i].msg_hdr.msg_name = NULL;
  }
  SHOW(recvmmsg(r, m, 2, 0, NULL));
  SHOW(recvmmsg(r, m, 3, MSG_WAITFORONE, NULL));
  SHOW(recvmmsg(r, m, 3, MSG_DONTWAIT, NULL));
}

static void sixes(void) {
  printf("-- IPv6\n");
  int l = socket(AF_INET6, SOCK_STREAM, 0);
  struct sockaddr_in6 a = {AF_INET6, 0, 0, IN6ADDR_ANY_INIT, 0};
  SHOW(bind(l, (void *)&a, sizeof a));
  SHOW(listen(l, 4));
  socklen_t len = sizeof a;
  getsockname(l, (void *)&a, &len);
  int c = socket(AF_INET6, SOCK_STREAM, 0);
  a.sin6_addr = in6addr_loopback;
  SHOW(connect(c, (void *)&a, sizeof a));
  struct sockaddr_in6 from;
  char text[64];
  len = sizeof from;
  accept(l, (void *)&from, &len);
  printf("from %s length %d\n", inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text), (int)len);
  struct sockaddr_in b = {AF_INET, a.sin6_port, {htonl(INADDR_LOOPBACK)}};
  c = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(connect(c, (void *)&b, sizeof b));
  len = sizeof from;
  accept(l, (void *)&from, &len);
  printf("from %s\n", inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text));
  int d = socket(AF_INET, SOCK_STREAM, 0);
  b.sin_addr.s_addr = 0;
  SHOW(bind(d, (void *)&b, sizeof b));
  SHOW(option(l, IPPROTO_IPV6, IPV6_V6ONLY));
  SHOW(set(l, IPPROTO_IPV6, IPV6_V6ONLY, 1));
}

static void names(void) {
  printf("-- interfaces and names\n");
  struct ifaddrs *all;
  SHOW(getifaddrs(&all));
  for (struct ifaddrs *i = all; i; i = i->ifa_next)
    if (!strcmp(i->ifa_name, "lo") && i->ifa_addr && i->ifa_addr->sa_family == AF_INET)
      printf("lo %s %d\n", inet_ntoa(((struct sockaddr_in *)i->ifa_addr)->sin_addr), !!(i->ifa_flags & IFF_LOOPBACK));
  SHOW(if_nametoindex("lo"));
  SHOW(if_nametoindex("nope0"));
  struct addrinfo *found, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
  SHOW(getaddrinfo("localhost", "80", &hints, &found));
  printf("%s\n", inet_ntoa(((struct sockaddr_in *)found->ai_addr)->sin_addr));
  struct ifreq r = {.ifr_name = "lo"};
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  SHOW(ioctl(s, SIOCGIFFLAGS, &r));
  printf("up %d loopback %d\n", !!(r.ifr_flags & IFF_UP), !!(r.ifr_flags & IFF_LOOPBACK));
  SHOW(ioctl(s, SIOCGIFADDR, &r));
  printf("%s\n", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
  strcpy(r.ifr_name, "nope0");
  SHOW(ioctl(s, SIOCGIFFLAGS, &r));
}

int main(void) {
  limit_time(25);
  connections();
  errors();
  fflush(stdout);
  resets();
  fflush(stdout);
  flow();
  options();
  datagrams();
  sixes();
  names();
  return 0;
}
