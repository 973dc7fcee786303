/* pipe(7): capacity, atomic writes, packets, hang-ups, EPIPE, sizes, FIFOs, splice. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

static volatile sig_atomic_t pipes;
static void on_pipe(int s) { (void)s; pipes++; }

/* An address that is nobody's, hidden from the compiler's checks. */
static void *volatile nowhere = (void *)1;
#define BAD nowhere

static char big[1 << 20];

static void show_poll(const char *what, int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  int n = poll(&p, 1, 0);
  printf("%s: poll %d revents %#x\n", what, n, p.revents);
}

static void basics(void) {
  int p[2];
  char buf[64];
  printf("-- basics\n");
  SHOW(pipe2(p, O_NONBLOCK));
  show_poll("empty reader", p[0]);
  show_poll("empty writer", p[1]);
  SHOW(read(p[0], buf, 10));
  SHOW(read(p[0], buf, 0));
  SHOW(write(p[1], "", 0));
  SHOW(write(p[1], "hello", 5));
  SHOW(write(p[0], "x", 1));
  SHOW(read(p[1], buf, 1));
  SHOW(lseek(p[0], 0, SEEK_SET));
  SHOW(pread(p[0], buf, 1, 0));
  SHOW(pwrite(p[1], "x", 1, 0));
  SHOW(fsync(p[0]));
  SHOW(ftruncate(p[1], 0));
  int n = -1;
  SHOW(ioctl(p[0], FIONREAD, &n));
  printf("FIONREAD %d\n", n);
  show_poll("reader", p[0]);
  SHOW(read(p[0], buf, 3));
  SHOW(read(p[0], buf + 3, 60));
  printf("%.5s\n", buf);
  struct iovec v[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
  SHOW(writev(p[1], v, 3));
  struct iovec r[2] = {{buf, 1}, {buf + 1, 9}};
  SHOW(readv(p[0], r, 2));
  printf("%.5s\n", buf);
  SHOW(write(p[1], BAD, 8));
  SHOW(write(p[1], "rest", 4));
  SHOW(read(p[0], BAD, 4));
  SHOW(read(p[0], buf, 10));
  struct stat st;
  SHOW(fstat(p[0], &st));
  printf("mode %o nlink %ld size %ld blksize %ld\n", st.st_mode, (long)st.st_nlink, (long)st.st_size, (long)st.st_blksize);
  SHOW(fcntl(p[0], F_GETFL));
  SHOW(fcntl(p[1], F_GETFL));
  SHOW(fcntl(p[1], F_GETFD));
  SHOW(pipe2(p, 0x1));
  SHOW(pipe(BAD));
}

static void capacity(void) {
  int p[2];
  printf("-- capacity\n");
  pipe2(p, O_NONBLOCK);
  SHOW(fcntl(p[0], F_GETPIPE_SZ));
  SHOW(write(p[1], big, 100000));
  show_poll("full writer", p[1]);
  SHOW(write(p[1], big, 1));
  SHOW(read(p[0], big, 4095));
  show_poll("almost a page free", p[1]);
  SHOW(write(p[1], big, 1));
  SHOW(read(p[0], big, 1));
  show_poll("a page free", p[1]);
  SHOW(write(p[1], big, 5000));
  SHOW(write(p[1], big, 1));
  SHOW(fcntl(p[1], F_SETPIPE_SZ, 4096));
  SHOW(fcntl(p[1], F_SETPIPE_SZ, 70000));
  SHOW(fcntl(p[0], F_GETPIPE_SZ));
  SHOW(write(p[1], big, 100000));
  SHOW(read(p[0], big, sizeof big));
  SHOW(fcntl(p[1], F_SETPIPE_SZ, 1));
  SHOW(write(p[1], big, 3000));
  SHOW(write(p[1], big, 3000));
  SHOW(write(p[1], big, 1000));
  SHOW(write(p[1], big, 97));
  SHOW(write(p[1], big, 96));
  SHOW(read(p[0], big, sizeof big));
  SHOW(fcntl(p[1], F_SETPIPE_SZ, -1));
  close(p[0]);
  close(p[1]);
}

static void slots(void) {
  int p[2], n = 0;
  printf("-- small writes share pages\n");
  pipe2(p, O_NONBLOCK);
  while (write(p[1], big, 1000) == 1000) n++;
  printf("%d writes of 1000\n", n);
  SHOW(read(p[0], big, sizeof big));
  n = 0;
  while (write(p[1], big, 4096) == 4096) n++;
  printf("%d writes of 4096\n", n);
  SHOW(read(p[0], big, 1));
  SHOW(write(p[1], big, 1));
  close(p[0]);
  close(p[1]);
}

static void contents(void) {
  int p[2];
  unsigned seed = 1, sum_in = 0, sum_out = 0;
  static unsigned char in[9000], out[9000];
  printf("-- contents\n");
  pipe2(p, O_NONBLOCK);
  for (int i = 0; i < 2000; i++) {
    seed = seed * 1103515245 + 12345;
    int len = (seed >> 16) % sizeof in;
    if (seed & 0x8000) {
      for (int k = 0; k < len; k++) in[k] = (unsigned char)(sum_in + k);
      int n = write(p[1], in, len);
      for (int k = 0; k < n; k++) sum_in = sum_in * 31 + in[k];
    } else {
      int n = read(p[0], out, len);
      for (int k = 0; k < n; k++) sum_out = sum_out * 31 + out[k];
    }
  }
  for (int n; (n = read(p[0], out, sizeof out)) > 0;)
    for (int k = 0; k < n; k++) sum_out = sum_out * 31 + out[k];
  printf("%u %s\n", sum_in, sum_in == sum_out ? "same" : "different");
  close(p[0]);
  close(p[1]);
}

static void hangups(void) {
  int p[2];
  char buf[16];
  printf("-- hang-ups\n");
  signal(SIGPIPE, on_pipe);
  pipe2(p, O_NONBLOCK);
  write(p[1], "abc", 3);
  close(p[1]);
  show_poll("data and no writer", p[0]);
  SHOW(read(p[0], buf, 16));
  show_poll("no writer", p[0]);
  SHOW(read(p[0], buf, 16));
  close(p[0]);
  pipe2(p, O_NONBLOCK);
  close(p[0]);
  show_poll("no reader", p[1]);
  SHOW(write(p[1], "x", 1));
  SHOW(write(p[1], "", 0));
  printf("SIGPIPE %d\n", (int)pipes);
  signal(SIGPIPE, SIG_IGN);
  SHOW(write(p[1], "x", 1));
  printf("SIGPIPE %d\n", (int)pipes);
  close(p[1]);
}

static void packets(void) {
  int p[2];
  char buf[8192];
  printf("-- packets\n");
  pipe2(p, O_NONBLOCK | O_DIRECT);
  SHOW(write(p[1], "one", 3));
  SHOW(write(p[1], "two", 3));
  SHOW(write(p[1], big, 5000));
  SHOW(read(p[0], buf, 100));
  SHOW(read(p[0], buf, 2));
  SHOW(read(p[0], buf, 8192));
  SHOW(read(p[0], buf, 8192));
  SHOW(read(p[0], buf, 8192));
  SHOW(fcntl(p[1], F_SETFL, O_NONBLOCK));
  write(p[1], "a", 1);
  write(p[1], "b", 1);
  SHOW(read(p[0], buf, 10));
  close(p[0]);
  close(p[1]);
}

static void fifo(void) {
  char path[] = "/tmp/troupe-fifo-XXXXXX", name[64], buf[16];
  printf("-- fifo\n");
  if (!mkdtemp(path)) return;
  snprintf(name, sizeof name, "%s/f", path);
  SHOW(mkfifo(name, 0600));
  SHOW(mkfifo(name, 0600));
  SHOW(open(name, O_WRONLY | O_NONBLOCK));
  int r = open(name, O_RDONLY | O_NONBLOCK);
  printf("reader %s\n", r >= 0 ? "open" : "failed");
  show_poll("no writer yet", r);
  SHOW(read(r, buf, 16));
  int w = open(name, O_WRONLY | O_NONBLOCK);
  printf("writer %s\n", w >= 0 ? "open" : "failed");
  show_poll("writer there", r);
  SHOW(read(r, buf, 16));
  SHOW(write(w, "fifo", 4));
  show_poll("data", r);
  SHOW(read(r, buf, 16));
  close(w);
  show_poll("writer gone", r);
  SHOW(read(r, buf, 16));
  w = open(name, O_WRONLY);
  show_poll("writer again", r);
  write(w, "left", 4);
  close(w);
  close(r);
  r = open(name, O_RDWR | O_NONBLOCK);
  SHOW(read(r, buf, 16));
  show_poll("both ends", r);
  SHOW(write(r, "self", 4));
  SHOW(read(r, buf, 16));
  struct stat st;
  fstat(r, &st);
  printf("mode %o\n", st.st_mode);
  close(r);
  SHOW(unlink(name));
  SHOW(rmdir(path));
}

static void splicing(void) {
  int a[2], b[2];
  char buf[16], path[] = "/tmp/troupe-splice-XXXXXX";
  printf("-- splice and tee\n");
  pipe2(a, O_NONBLOCK);
  pipe2(b, O_NONBLOCK);
  int f = mkstemp(path);
  write(f, "0123456789", 10);
  loff_t off = 2;
  SHOW(splice(f, &off, a[1], NULL, 5, 0));
  printf("offset %ld position %ld\n", (long)off, (long)lseek(f, 0, SEEK_CUR));
  SHOW(tee(a[0], b[1], 100, SPLICE_F_NONBLOCK));
  SHOW(read(b[0], buf, 16));
  printf("%.5s\n", buf);
  SHOW(splice(a[0], NULL, b[1], NULL, 3, 0));
  SHOW(read(b[0], buf, 16));
  printf("%.3s\n", buf);
  SHOW(splice(a[0], NULL, f, NULL, 100, 0));
  printf("position %ld\n", (long)lseek(f, 0, SEEK_CUR));
  SHOW(pread(f, buf, 16, 0));
  printf("%.12s\n", buf);
  SHOW(splice(a[0], NULL, b[1], NULL, 3, SPLICE_F_NONBLOCK));
  SHOW(splice(f, NULL, f, NULL, 3, 0));
  SHOW(splice(a[0], &off, b[1], NULL, 3, 0));
  SHOW(splice(a[0], NULL, a[1], NULL, 3, 0));
  SHOW(splice(a[1], NULL, b[1], NULL, 3, 0));
  SHOW(splice(-1, NULL, b[1], NULL, 3, 0));
  SHOW(splice(a[0], NULL, b[1], NULL, 0, 0));
  SHOW(tee(f, b[1], 3, 0));
  SHOW(tee(a[0], b[1], 3, SPLICE_F_NONBLOCK));
  struct iovec v[2] = {{"vm", 2}, {"splice", 6}};
  SHOW(vmsplice(a[1], v, 2, 0));
  SHOW(read(a[0], buf, 16));
  printf("%.8s\n", buf);
  SHOW(vmsplice(f, v, 2, 0));
  unlink(path);
}

int main(void) {
  limit_time(30);
  basics();
  capacity();
  slots();
  contents();
  hangups();
  packets();
  fifo();
  splicing();
  return 0;
}
