/* eventfd(2) and memfd_create(2): counters, semaphores, overflow, blocking; files without a name. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

static void show_poll(const char *what, int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT, 0};
  int n = poll(&p, 1, 0);
  printf("%s: poll %d revents %#x\n", what, n, p.revents);
}

static void add(int fd, uint64_t v) {
  long r = write(fd, &v, 8);
  printf("add %llu: %ld %s\n", (unsigned long long)v, r, r < 0 ? strerrorname_np(errno) : "");
}

static void take(int fd) {
  uint64_t v = 0;
  long r = read(fd, &v, 8);
  printf("take: %ld %s %llu\n", r, r < 0 ? strerrorname_np(errno) : "", (unsigned long long)v);
}

static int the_fd;
static void *take_later(void *unused) {
  uint64_t v;
  sleep_ms(30);
  read(the_fd, &v, 8);
  return unused;
}
static void *add_later(void *unused) {
  uint64_t v = 3;
  sleep_ms(30);
  write(the_fd, &v, 8);
  return unused;
}

static void counters(void) {
  char buf[16] = {1};
  printf("-- counter\n");
  int e = eventfd(5, EFD_NONBLOCK | EFD_CLOEXEC);
  SHOW(fcntl(e, F_GETFL));
  SHOW(fcntl(e, F_GETFD));
  show_poll("five", e);
  take(e);
  show_poll("zero", e);
  take(e);
  add(e, 1), add(e, 0), add(e, 41);
  take(e);
  add(e, UINT64_MAX);
  add(e, UINT64_MAX - 1);
  show_poll("full", e);
  add(e, 1);
  add(e, 0);
  take(e);
  SHOW(read(e, buf, 7));
  SHOW(write(e, buf, 7));
  SHOW(read(e, buf, 16));
  struct iovec v[2] = {{buf, 3}, {buf + 3, 5}};
  memset(buf, 0, 16);
  add(e, 9);
  SHOW(readv(e, v, 2));
  printf("%d\n", buf[0]);
  SHOW(pread(e, buf, 8, 0));
  SHOW(lseek(e, 5, SEEK_SET));
  SHOW(write(e, (void *)8, 8));
  add(e, 1);
  SHOW(eventfd(0, 2));
  printf("-- semaphore\n");
  int s = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
  take(s), take(s), take(s);
  add(s, 1ull << 40);
  take(s);
  struct stat st;
  SHOW(fstat(s, &st));
  printf("mode %o size %ld\n", st.st_mode, (long)st.st_size);
  char link[64] = {0};
  snprintf(buf, sizeof buf, "%d", s);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", s);
  readlink(path, link, 63);
  printf("%s\n", link);
}

static void blocking(void) {
  pthread_t t;
  printf("-- blocking\n");
  the_fd = eventfd(0, 0);
  pthread_create(&t, NULL, add_later, NULL);
  take(the_fd);
  pthread_join(t, NULL);
  add(the_fd, UINT64_MAX - 1);
  pthread_create(&t, NULL, take_later, NULL);
  add(the_fd, 7);
  pthread_join(t, NULL);
  take(the_fd);
}

static void memfds(void) {
  char buf[32] = {0}, path[64], link[64] = {0};
  struct stat st;
  printf("-- memfd\n");
  int m = memfd_create("name", MFD_CLOEXEC);
  SHOW(fcntl(m, F_GETFD));
  SHOW(fcntl(m, F_GETFL) & O_ACCMODE);
  SHOW(write(m, "contents", 8));
  SHOW(pread(m, buf, 32, 3));
  printf("%s\n", buf);
  SHOW(ftruncate(m, 8192));
  char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
  memcpy(p + 4096, "mapped", 6);
  SHOW(pread(m, buf, 6, 4096));
  printf("%.6s\n", buf);
  SHOW(pwrite(m, "written", 7, 0));
  printf("%.8s\n", p);
  SHOW(fstat(m, &st));
  printf("type %o nlink %ld size %ld\n", st.st_mode & S_IFMT, (long)st.st_nlink, (long)st.st_size);
  snprintf(path, sizeof path, "/proc/self/fd/%d", m);
  readlink(path, link, 63);
  printf("%s\n", link);
  char longest[251];
  memset(longest, 'x', 250);
  longest[250] = 0;
  SHOW(memfd_create(longest, 0));
  longest[249] = 0;
  SHOW(memfd_create(longest, 0) >= 0);
  SHOW(memfd_create("x", 0x8000));
  SHOW(memfd_create((void *)8, 0));
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  limit_time(30);
  counters();
  blocking();
  memfds();
  return 0;
}
