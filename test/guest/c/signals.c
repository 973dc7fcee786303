/* Handlers, masks, alternate stacks, and what a handler is told. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "show.h"

static volatile int count;
static volatile uintptr_t stack_at;
static void on_count(int signo) { count += signo; }
static void on_info(int signo, siginfo_t *info, void *context) {
  int here;
  stack_at = (uintptr_t)&here;
  printf("signal %d code %d pid mine %d value %d\n", signo, info->si_code, info->si_pid == getpid(),
         info->si_code == SI_QUEUE ? info->si_value.sival_int : 0);
}
static void skip_instruction(int signo, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  printf("fault %d code %d at null %d trapno %lld\n", signo, info->si_code, info->si_addr == NULL,
         (long long)uc->uc_mcontext.gregs[REG_TRAPNO]);
  uc->uc_mcontext.gregs[REG_RIP] += 2;
  uc->uc_mcontext.gregs[REG_RAX] = 4242;
}

int main(void) {
  signal(SIGUSR1, on_count);
  raise(SIGUSR1);
  printf("count %d\n", count);

  sigset_t set, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  raise(SIGUSR1);
  raise(SIGUSR1);
  sigpending(&pending);
  printf("blocked: count %d pending %d\n", count, sigismember(&pending, SIGUSR1));
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  printf("unblocked: count %d\n", count);

  struct sigaction action = {.sa_sigaction = on_info, .sa_flags = SA_SIGINFO | SA_RESETHAND};
  sigaction(SIGUSR2, &action, NULL);
  kill(getpid(), SIGUSR2);
  struct sigaction now;
  sigaction(SIGUSR2, NULL, &now);
  printf("reset: %d\n", now.sa_handler == SIG_DFL);

  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGRTMIN, &action, NULL);
  stack_t alternate = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&alternate, NULL);
  union sigval value = {.sival_int = 77};
  sigqueue(getpid(), SIGRTMIN, value);
  printf("on the alternate stack: %d\n",
         stack_at > (uintptr_t)alternate.ss_sp && stack_at < (uintptr_t)alternate.ss_sp + 65536);

  action.sa_sigaction = skip_instruction;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, NULL);
  long result = 0;
  /* A load of two bytes' length, which the handler steps over. */
  __asm__ volatile("xor %%eax, %%eax\n\tmov (%%rax), %%eax" : "=a"(result));
  printf("after the fault: %ld\n", result);

  /* Floating point and vector registers survive a handler. */
  volatile double before = 1.5;
  double x = before * 3;
  raise(SIGUSR1);
  printf("double %g\n", x);

  SHOW(sigaction(SIGKILL, &action, NULL));
  SHOW(kill(getpid(), 65));
  SHOW(kill(0x3fffffff, 0));

  struct itimerval timer = {.it_value = {.tv_usec = 20000}};
  signal(SIGALRM, on_count);
  count = 0;
  setitimer(ITIMER_REAL, &timer, NULL);
  SHOW(pause());
  printf("count %d\n", count);
  return 0;
}
