/*
 * Attacks on the stub that carries this program, and on the kernel's system calls. Never run natively:
 * the calls of `fuzz` mean what they say there.
 *
 * Exit 0: the attack was refused. Death by a signal: it hit this program alone. 42: the fuzz came to
 * its end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where troupe keeps its stub: code, the page shared with the shard, the areas of threads. */
#define STUB 0x700000000000UL
#define SHARD_PAGE (STUB + 0x20000)
#define AREAS (STUB + 0x10000000)
#define PAGE 4096UL

static const unsigned long TARGETS[] = {STUB, STUB + 0x10000, SHARD_PAGE, SHARD_PAGE + PAGE, AREAS, AREAS + PAGE};
#define TARGET_COUNT (sizeof TARGETS / sizeof *TARGETS)

/* Some system calls, so that the shard meets what was done. */
static int go_on(void) {
  for (int i = 0; i < 1000; i++) syscall(SYS_getppid);
  return 0;
}

static int jump(unsigned long to) {
  ((void (*)(void))to)();
  return go_on();
}

static int overwrite(unsigned long from, unsigned long length, unsigned char with) {
  for (unsigned long i = 0; i < length; i++) ((volatile unsigned char *)from)[i] = with + i * 7;
  return go_on();
}

static int map_over(void) {
  for (unsigned i = 0; i < TARGET_COUNT; i++) {
    mmap((void *)TARGETS[i], PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  }
  mmap((void *)(STUB - 16 * PAGE), 1UL << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  return go_on();
}

static int unmap(void) {
  for (unsigned i = 0; i < TARGET_COUNT; i++) munmap((void *)TARGETS[i], PAGE);
  munmap((void *)STUB, 1UL << 40);
  munmap((void *)(STUB - PAGE), 0x7ffffffff000UL - STUB);
  return go_on();
}

static int protect(void) {
  for (unsigned i = 0; i < TARGET_COUNT; i++) {
    mprotect((void *)TARGETS[i], PAGE, PROT_NONE);
    mprotect((void *)TARGETS[i], PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
  }
  return go_on();
}

static int remap(void) {
  void *mine = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (unsigned i = 0; i < TARGET_COUNT; i++) {
    mremap(mine, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)TARGETS[i]);
    mremap((void *)TARGETS[i], PAGE, 2 * PAGE, MREMAP_MAYMOVE);
  }
  return go_on();
}

static int int80(void) {
  long result;
  /* exit(99) of the 32-bit table. */
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(1), "b"(99) : "memory", "r8", "r9", "r10", "r11");
  return go_on();
}

static int sysenter(void) {
  __asm__ volatile("mov $1, %%eax\n\tmov $99, %%ebx\n\tsysenter" ::: "rax", "rbx", "memory");
  return go_on();
}

/* The host kernel has nowhere to push a frame for us but its own stack for signals. */
static int bad_stack(void) {
  long result;
  __asm__ volatile(
      "mov %%rsp, %%r12\n\tmov $0x1000, %%rsp\n\tmov $39, %%eax\n\tsyscall\n\tmov %%r12, %%rsp"
      : "=a"(result)::"rcx", "r11", "r12", "memory");
  return result > 0 ? go_on() : 0;
}

/* A syscall instruction that nobody loaded as a program. */
static int syscall_from_new_page(void) {
  unsigned char *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, "\xb8\x27\x00\x00\x00\x0f\x05\xc3", 8);
  mprotect(code, PAGE, PROT_READ | PROT_EXEC);
  long pid = ((long (*)(void))code)();
  return pid == getpid() ? go_on() : 1;
}

static uint64_t state;
static uint64_t next(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state * 0x2545f4914f6cdd1dULL;
}

#define SCRATCH (1UL << 20)
static char *scratch;

static uint64_t argument(void) {
  uint64_t r = next();
  switch (r % 10) {
    case 0: return 0;
    case 1: return (r >> 8) % 8;
    case 2: return (r >> 8) % 300;
    case 3: return 1UL << ((r >> 8) % 64);
    case 4: return -((r >> 8) % 300);
    case 5: return r;
    case 6: return STUB + ((r >> 8) % (AREAS + 0x10000 - STUB));
    default: return (uint64_t)scratch + (r >> 8) % (SCRATCH - 65536);
  }
}

/* By their nature these end, stop, replace, fork or put to sleep whoever calls them. */
static const int NEVER[] = {
    SYS_exit, SYS_exit_group, SYS_pause, SYS_rt_sigsuspend, SYS_rt_sigreturn, SYS_rt_sigtimedwait, SYS_kill,
    SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_fork, SYS_vfork, SYS_clone, 435,
    SYS_execve, SYS_execveat, SYS_nanosleep, SYS_clock_nanosleep, SYS_alarm, SYS_setitimer, SYS_timer_create,
    SYS_timer_settime, SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6, SYS_epoll_wait, SYS_epoll_pwait, 441,
    SYS_futex, 449, 454, 455, SYS_wait4, SYS_waitid, SYS_setrlimit, SYS_prlimit64, SYS_seccomp, SYS_ptrace,
    SYS_arch_prctl, 424, SYS_restart_syscall, SYS_sigaltstack, SYS_rt_sigaction, SYS_set_robust_list, 334,
    SYS_set_tid_address, SYS_prctl, SYS_flock,
};
/* These work on whatever memory they are pointed at: lengths are kept inside what may be lost. */
static const int MEMORY[] = {SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_brk, 216, 329,
                             SYS_shmat, SYS_shmdt, SYS_mlock, SYS_munlock, SYS_mbind, 440, 447, 453, 462};
static const int READS[] = {SYS_read, SYS_readv, SYS_pread64, SYS_preadv, 327, SYS_sendfile, SYS_splice, SYS_tee,
                            SYS_vmsplice, SYS_copy_file_range, SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_accept,
                            SYS_accept4, SYS_connect, SYS_write, SYS_writev, SYS_pwritev, 328, SYS_sendto,
                            SYS_sendmsg, SYS_sendmmsg, SYS_fcntl, SYS_msgrcv, SYS_semop, SYS_semtimedop,
                            SYS_mq_timedreceive, SYS_io_getevents};
static const int MAKES[] = {SYS_pipe, SYS_pipe2, SYS_socketpair, SYS_socket, SYS_eventfd, SYS_eventfd2,
                            SYS_timerfd_create, SYS_signalfd, SYS_signalfd4, SYS_inotify_init, SYS_inotify_init1,
                            SYS_mknod, SYS_mknodat, SYS_userfaultfd};

#define IN(list, number) in(list, sizeof list / sizeof *list, number)
static int in(const int *list, unsigned count, int number) {
  for (unsigned i = 0; i < count; i++) if (list[i] == number) return 1;
  return 0;
}

static long call(int number, const uint64_t *a) {
  long result;
  register uint64_t r10 __asm__("r10") = a[3];
  register uint64_t r8 __asm__("r8") = a[4];
  register uint64_t r9 __asm__("r9") = a[5];
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"((long)number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static void fill_scratch(void) {
  static const char *paths[] = {"/tmp/fuzz", ".", "/proc/self/status", "/dev/null", "/etc/passwd", "..", "/tmp/a/b"};
  for (unsigned long i = 0; i < SCRATCH / 8; i++) ((uint64_t *)scratch)[i] = argument();
  for (unsigned long i = 0; i < SCRATCH; i += 256) strcpy(scratch + i, paths[(i / 256) % 7]);
}

static int fuzz(uint64_t seed, long calls) {
  state = seed * 0x9e3779b97f4a7c15ULL + 1;
  scratch = mmap(NULL, SCRATCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  fill_scratch();
  for (long made = 0; made < calls;) {
    int number = next() % 1001;
    uint64_t a[6];
    for (int j = 0; j < 6; j++) a[j] = argument();
    if (IN(NEVER, number) || (seed % 2 ? IN(MAKES, number) : IN(READS, number))) continue;
    if (IN(MEMORY, number)) {
      /* Nothing of this program is where these addresses are, except its scratch memory. */
      int kept = a[0] >= (uint64_t)scratch - SCRATCH && a[0] < (uint64_t)scratch + SCRATCH;
      if (kept || number == SYS_brk) a[0] = 1 + (a[0] & 0xfff);
      a[1] %= 1 << 20;
      if (number == SYS_mmap) a[3] &= ~(uint64_t)MAP_FIXED;
      if (number == SYS_mremap) a[2] %= 1 << 20, a[3] &= ~2UL;
    }
    /* A pointer that the kernel may write to has room behind it: argument() keeps 64 KiB. */
    call(number, a);
    if (++made % 1000 == 0) fill_scratch();
  }
  _exit(42);
}

/*
 * Every number, none left out, with anything: what ends, stops, wedges or multiplies the caller is done by
 * children, each given a moment. Exit 42: the kernel still makes, ends and reaps processes.
 */
static int wild(uint64_t seed, int children) {
  scratch = mmap(NULL, SCRATCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < children; i++) {
    state = (seed * 1000 + i) * 0x9e3779b97f4a7c15ULL + 1;
    int child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      setsid();
      fill_scratch();
      for (;;) {
        int number = next() % (next() % 4 ? 470 : 1001);
        uint64_t a[6];
        for (int j = 0; j < 6; j++) a[j] = argument();
        /* Not the one that waits for the end. */
        int at_somebody = number == SYS_kill || number == SYS_tkill || number == SYS_tgkill ||
                          number == SYS_rt_sigqueueinfo || number == SYS_rt_tgsigqueueinfo || number == 424;
        if (at_somebody) a[0] = getpid();
        if ((number == SYS_setpriority || number == SYS_prlimit64 || number == SYS_ptrace) && a[0] != 0) continue;
        call(number, a);
      }
    }
    usleep(20 * 1000);
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
    int status;
    if (waitpid(child, &status, 0) != child) return 2;
  }
  /* What was orphaned on the way goes too. */
  kill(-1, SIGKILL);
  return 42;
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  if (!strcmp(mode, "jump")) return jump(STUB);
  if (!strcmp(mode, "jump-middle")) return jump(STUB + 0x40 + 3);
  if (!strcmp(mode, "write")) return overwrite(STUB, PAGE, 0x90);
  if (!strcmp(mode, "overwrite-all")) {
    overwrite(SHARD_PAGE, 0x10000, 0xff);
    return overwrite(AREAS, 0x8000, 0x41);
  }
  if (!strcmp(mode, "map-over")) return map_over();
  if (!strcmp(mode, "unmap")) return unmap();
  if (!strcmp(mode, "protect")) return protect();
  if (!strcmp(mode, "remap")) return remap();
  if (!strcmp(mode, "int80")) return int80();
  if (!strcmp(mode, "sysenter")) return sysenter();
  if (!strcmp(mode, "bad-stack")) return bad_stack();
  if (!strcmp(mode, "syscall-from-new-page")) return syscall_from_new_page();
  if (!strcmp(mode, "fuzz") && argc == 4) return fuzz(strtoull(argv[2], NULL, 10), atol(argv[3]));
  if (!strcmp(mode, "wild") && argc == 4) return wild(strtoull(argv[2], NULL, 10), atoi(argv[3]));
  fprintf(stderr, "unknown mode %s\n", mode);
  return 1;
}
