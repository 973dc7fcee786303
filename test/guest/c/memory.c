/* brk, mmap, munmap, mprotect, mremap, mincore, file mappings, and what they refuse. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "show.h"

#define PAGE 4096

static sigjmp_buf back;
static int code;
static void on_fault(int signo, siginfo_t *info, void *context) {
  code = signo * 100 + info->si_code;
  siglongjmp(back, 1);
}

/* signal * 100 + si_code of touching p, or 0. */
static int touch(volatile char *p, int write) {
  if (sigsetjmp(back, 1)) return code;
  if (write) *p = 1; else (void)*p;
  return 0;
}

int main(void) {
  /* The heap is ours alone: stdio must not put its buffer there. */
  static char buffered[BUFSIZ];
  setvbuf(stdout, buffered, _IOFBF, sizeof buffered);
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);

  char *low = sbrk(0);
  SHOW(sbrk(100 * PAGE) == low);
  memset(low, 7, 100 * PAGE);
  printf("grown %d %d\n", low[0], low[100 * PAGE - 1]);
  SHOW(brk(low));
  SHOW(sbrk(0) == low);

  /* The last page keeps what is before it from growing in place, whatever lies above. */
  char *p = mmap(NULL, 17 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int zero = 1;
  for (int i = 0; i < 16 * PAGE; i++) zero &= p[i] == 0;
  printf("fresh memory is zero: %d\n", zero);
  strcpy(p + 3 * PAGE, "kept");
  SHOW(mprotect(p + PAGE, PAGE, PROT_READ));
  SHOW(touch(p + PAGE, 1));
  SHOW(touch(p + PAGE, 0));
  SHOW(mprotect(p + PAGE, PAGE, PROT_NONE));
  SHOW(touch(p + PAGE, 0));
  SHOW(munmap(p + 2 * PAGE, PAGE));
  SHOW(touch(p + 2 * PAGE, 0));
  SHOW(mprotect(p + 2 * PAGE, PAGE, PROT_READ));
  char *q = mremap(p + 3 * PAGE, 13 * PAGE, 1000 * PAGE, MREMAP_MAYMOVE);
  printf("remap keeps: %s\n", q);
  SHOW(touch(q + 1000 * PAGE - 1, 1));
  char *fixed = mmap(q, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  printf("fixed: %d, fresh: %d\n", fixed == q, q[0] == 0);
  SHOW(mmap(q, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));

  unsigned char resident[4] = {9, 9, 9, 9};
  char *r = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  r[PAGE] = 1;
  SHOW(mincore(r, 4 * PAGE, resident));
  printf("resident %d %d %d\n", resident[0] & 1, resident[1] & 1, resident[2] & 1);
  SHOW(madvise(r, 4 * PAGE, MADV_DONTNEED));
  SHOW(r[PAGE]);

  int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
  unlink("mapped");
  char buffer[2 * PAGE];
  memset(buffer, 'f', sizeof buffer);
  write(fd, buffer, PAGE + 10);
  char *shared = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  printf("file: %c, past its end in the page: %d\n", shared[0], shared[PAGE + 10]);
  shared[1] = 'S';
  private[2] = 'P';
  pread(fd, buffer, 4, 0);
  printf("through the file: %.4s\n", buffer);
  pwrite(fd, "W", 1, 3);
  printf("through the mapping: %.4s\n", shared);
  printf("private: %.3s\n", private);
  SHOW(touch(shared + 2 * PAGE, 0));
  SHOW(msync(shared, PAGE, MS_SYNC));
  close(fd);
  printf("still mapped: %c\n", shared[1]);

  SHOW(touch(NULL, 0));
  SHOW(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  SHOW(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 0));
  SHOW(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0));
  SHOW(munmap((void *)1, PAGE));
  return 0;
}
