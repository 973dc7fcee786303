/* A small debugger: stops, registers, memory, breakpoints, steps, events, detaching. */
#define _GNU_SOURCE
#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "check.h"

static volatile long cell = 0x1122334455667788;
static volatile double floating;

__attribute__((noinline)) int triple(int n) {
  __asm__ volatile("");
  return 3 * n;
}

static void said(const char *what, int status) {
  if (WIFEXITED(status)) printf("%s: exited %d\n", what, WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) printf("%s: killed by %d\n", what, WTERMSIG(status));
  else if (WIFSTOPPED(status)) printf("%s: stopped by %d event %d\n", what, WSTOPSIG(status), status >> 16);
  else printf("%s: %x\n", what, status);
}

static int next(pid_t pid) {
  int status = -1;
  waitpid(pid, &status, __WALL);
  return status;
}

/* A child that stops before it does anything else. */
static pid_t start(void (*body)(void)) {
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    body();
    _exit(0);
  }
  said("start", next(pid));
  return pid;
}

static void calls(void) {
  syscall(SYS_getppid);
  syscall(SYS_write, 1, "from the tracee\n", 16);
  syscall(SYS_close, 999);
}

static void system_calls(void) {
  pid_t pid = start(calls);
  SHOW(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
  int seen = 0;
  for (;;) {
    ptrace(PTRACE_SYSCALL, pid, 0, 0);
    int status = next(pid);
    if (!WIFSTOPPED(status)) {
      said("calls", status);
      return;
    }
    struct user_regs_struct regs;
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    seen++;
    if (regs.orig_rax != SYS_getppid && regs.orig_rax != SYS_write && regs.orig_rax != SYS_close) continue;
    struct __ptrace_syscall_info info;
    memset(&info, 0, sizeof info);
    long size = ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      printf("call %d: size %ld, rax %lld, same %d\n", (int)regs.orig_rax, size, regs.rax, info.entry.nr == regs.orig_rax);
      if (regs.orig_rax == SYS_write) { /* another number, and a result of our own */
        regs.orig_rax = -1;
        ptrace(PTRACE_SETREGS, pid, 0, &regs);
      }
    } else {
      printf("return: %lld error %d\n", info.exit.is_error ? (long long)info.exit.rval : 0, info.exit.is_error);
    }
  }
}

static void breaks(void) {
  floating = 1.5 * cell;
  int r = triple(14);
  _exit(r);
}

static void breakpoints(void) {
  pid_t pid = start(breaks);
  errno = 0;
  printf("peek: %d\n", ptrace(PTRACE_PEEKDATA, pid, &cell, 0) == 0x1122334455667788);
  SHOW(ptrace(PTRACE_POKEDATA, pid, &cell, 5));
  errno = 0;
  ptrace(PTRACE_PEEKDATA, pid, 8, 0);
  printf("nowhere: %d\n", errno == EIO);
  long text = ptrace(PTRACE_PEEKTEXT, pid, triple, 0);
  SHOW(ptrace(PTRACE_POKETEXT, pid, triple, (text & ~0xffL) | 0xcc));
  ptrace(PTRACE_CONT, pid, 0, 0);
  said("int3", next(pid));
  siginfo_t info;
  ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
  printf("siginfo: %d code %d\n", info.si_signo, info.si_code);
  struct user_regs_struct regs;
  struct iovec vector = {&regs, sizeof regs};
  SHOW(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector));
  printf("at: %d, argument %d, size %zu, cs %llx ss %llx\n", regs.rip == (uintptr_t)triple + 1, (int)regs.rdi, vector.iov_len, regs.cs, regs.ss);
  SHOW(ptrace(PTRACE_POKETEXT, pid, triple, text));
  regs.rip--;
  regs.rdi = 20;
  SHOW(ptrace(PTRACE_SETREGS, pid, 0, &regs));
  printf("user: %d\n", ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rdi), 0) == 20);
  struct user_fpregs_struct fp;
  SHOW(ptrace(PTRACE_GETFPREGS, pid, 0, &fp));
  printf("mxcsr: %x\n", fp.mxcsr & 0xffc0);
  static unsigned char xstate[16384];
  struct iovec extended = {xstate, sizeof xstate};
  SHOW(ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &extended));
  printf("xstate: %d, xcr0 %d\n", extended.iov_len >= 576, (xstate[464] & 3) == 3);
  SHOW(ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &extended));
  SHOW(ptrace(PTRACE_GETREGSET, pid, 0x7777, &extended));
  int steps = 0;
  do {
    ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    int status = next(pid);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) said("step", status);
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    steps++;
  } while (regs.rip >= (uintptr_t)triple && regs.rip < (uintptr_t)triple + 32 && steps < 32);
  printf("returned: %d after some steps %d\n", (int)regs.rax, steps > 1);
  ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
  printf("step: %d code %d\n", info.si_signo, info.si_code);
  ptrace(PTRACE_CONT, pid, 0, 0);
  said("breaks", next(pid));
}

static void handler(int signo) { cell = signo; }
static void signalled(void) {
  signal(SIGUSR1, handler);
  signal(SIGUSR2, handler);
  raise(SIGUSR1);
  int first = cell;
  raise(SIGUSR1);
  signal(SIGTERM, SIG_IGN);
  raise(SIGTERM);
  *(volatile int *)8 = first;
}

static void signals(void) {
  pid_t pid = start(signalled);
  ptrace(PTRACE_CONT, pid, 0, 0);
  said("USR1", next(pid));
  ptrace(PTRACE_CONT, pid, 0, SIGUSR2); /* another one instead */
  said("again", next(pid));
  printf("handled: %ld\n", ptrace(PTRACE_PEEKDATA, pid, &cell, 0));
  ptrace(PTRACE_CONT, pid, 0, 0); /* none */
  said("ignored", next(pid));
  ptrace(PTRACE_CONT, pid, 0, SIGTERM);
  said("fault", next(pid));
  siginfo_t info;
  ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
  printf("siginfo: %d code %d at %p\n", info.si_signo, info.si_code, info.si_addr);
  ptrace(PTRACE_CONT, pid, 0, SIGSEGV);
  int status = next(pid);
  printf("died of %d\n", WTERMSIG(status));
}

static void *second(void *arg) { return arg; }
static void family(void) {
  pid_t child = fork();
  if (child == 0) _exit(4);
  waitpid(child, NULL, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, second, NULL);
  pthread_join(thread, NULL);
  char *argv[] = {"true", NULL};
  execv("/bin/true", argv);
}

static void events(void) {
  pid_t pid = start(family);
  SHOW(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT));
  SHOW(ptrace(PTRACE_SETOPTIONS, pid, 0, 0x4000000));
  unsigned long message;
  ptrace(PTRACE_CONT, pid, 0, 0);
  said("fork", next(pid));
  ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
  pid_t child = message;
  said("child", next(child));
  ptrace(PTRACE_CONT, child, 0, 0);
  said("child exits", next(child));
  ptrace(PTRACE_GETEVENTMSG, child, 0, &message);
  printf("with %lx\n", message);
  ptrace(PTRACE_CONT, child, 0, 0);
  said("child gone", next(child));
  ptrace(PTRACE_CONT, pid, 0, 0);
  int status = next(pid);
  if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGCHLD) {
    ptrace(PTRACE_CONT, pid, 0, SIGCHLD);
    status = next(pid);
  }
  said("clone", status);
  ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
  pid_t thread = message;
  said("thread", next(thread));
  ptrace(PTRACE_CONT, pid, 0, 0);
  ptrace(PTRACE_CONT, thread, 0, 0);
  said("thread exits", next(thread));
  ptrace(PTRACE_CONT, thread, 0, 0);
  said("thread gone", next(thread));
  said("exec", next(pid));
  ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
  printf("same thread: %d\n", message == (unsigned long)pid);
  ptrace(PTRACE_CONT, pid, 0, 0);
  said("exits", next(pid));
  ptrace(PTRACE_CONT, pid, 0, 0);
  said("gone", next(pid));
}

static void seizing(void) {
  pid_t pid = fork();
  if (pid == 0) {
    for (;;) pause();
  }
  SHOW(ptrace(PTRACE_CONT, pid, 0, 0));
  SHOW(ptrace(PTRACE_SEIZE, pid, 0, 0));
  SHOW(ptrace(PTRACE_SEIZE, pid, 0, 0));
  SHOW(ptrace(PTRACE_CONT, pid, 0, 0));
  SHOW(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
  said("interrupted", next(pid));
  ptrace(PTRACE_CONT, pid, 0, 0);
  kill(pid, SIGSTOP);
  said("signal", next(pid));
  ptrace(PTRACE_CONT, pid, 0, SIGSTOP);
  said("group-stop", next(pid));
  SHOW(ptrace(PTRACE_LISTEN, pid, 0, 0));
  printf("nothing: %d\n", waitpid(pid, NULL, WNOHANG | __WALL));
  kill(pid, SIGCONT);
  said("trap", next(pid));
  ptrace(PTRACE_CONT, pid, 0, 0);
  said("continue", next(pid));
  SHOW(ptrace(PTRACE_DETACH, pid, 0, SIGTERM));
  said("detached", next(pid));

  pid = fork();
  if (pid == 0) {
    for (;;) pause();
  }
  SHOW(ptrace(PTRACE_ATTACH, pid, 0, 0));
  said("attached", next(pid));
  SHOW(ptrace(PTRACE_KILL, pid, 0, 0));
  said("killed", next(pid));
  SHOW(ptrace(PTRACE_ATTACH, getpid(), 0, 0));
  SHOW(ptrace(PTRACE_ATTACH, 0x3ffffff, 0, 0));
}

int main(void) {
  limit_time(25);
  setvbuf(stdout, NULL, _IONBF, 0);
  system_calls();
  breakpoints();
  signals();
  events();
  seizing();
  return 0;
}
