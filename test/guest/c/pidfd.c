/* pidfds, signalfds, and signals from files (SIGIO). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
static int pidfd_open(pid_t pid, unsigned flags) { return syscall(SYS_pidfd_open, pid, flags); }
static int pidfd_kill(int fd, int signo) { return syscall(SYS_pidfd_send_signal, fd, signo, NULL, 0); }
static int pidfd_getfd(int fd, int theirs) { return syscall(SYS_pidfd_getfd, fd, theirs, 0); }

static volatile sig_atomic_t io_count, io_fd, io_code;
static void on_io(int signo, siginfo_t *info, void *context) {
  (void)signo, (void)context;
  io_count++;
  io_fd = info->si_fd;
  io_code = info->si_code;
}

static short ready(int fd, int timeout) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, timeout) == 1 ? p.revents : 0;
}

static void pidfds(void) {
  int pipes[2];
  SHOW(pipe(pipes));
  pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  int fd = pidfd_open(child, 0);
  printf("open: %d, close on exec: %d\n", fd >= 0, fcntl(fd, F_GETFD));
  printf("running: %d\n", ready(fd, 0));
  int copy = pidfd_getfd(fd, pipes[1]);
  printf("their descriptor: %ld\n", (long)write(copy, "x", 1));
  SHOW(pidfd_getfd(fd, 999));
  SHOW(pidfd_kill(fd, 0));
  SHOW(pidfd_kill(fd, 99));
  SHOW(pidfd_kill(pipes[0], 0));
  siginfo_t info = {0};
  SHOW(waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG));
  printf("nobody yet: %d\n", info.si_pid);
  SHOW(pidfd_kill(fd, SIGTERM));
  printf("ended: %d\n", ready(fd, 5000) & POLLIN);
  SHOW(waitid(P_PIDFD, fd, &info, WEXITED));
  printf("it: %d code %d status %d\n", info.si_pid == child, info.si_code, info.si_status);
  SHOW(pidfd_kill(fd, 0));
  SHOW(waitid(P_PIDFD, fd, &info, WEXITED));
  SHOW(pidfd_open(child, 0));
  SHOW(pidfd_open(-1, 0));
  SHOW(pidfd_open(getpid(), 1));

  char name[64];
  snprintf(name, sizeof name, "/proc/%d", getpid());
  int directory = open(name, O_DIRECTORY | O_RDONLY);
  SHOW(pidfd_kill(directory, 0));
  snprintf(name, sizeof name, "/proc/self/task/%d", getpid());
  SHOW(pidfd_kill(open(name, O_DIRECTORY | O_RDONLY), 0));

  int given = -1;
  struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&given, .exit_signal = SIGCHLD};
  child = syscall(SYS_clone3, &args, sizeof args);
  if (child == 0) _exit(7);
  printf("with clone3: %d\n", given >= 0);
  SHOW(waitid(P_PIDFD, given, &info, WEXITED));
  printf("status %d\n", info.si_status);
}

static void signalfds(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  struct signalfd_siginfo info;
  SHOW(read(fd, &info, sizeof info));
  SHOW(read(fd, &info, 10));
  printf("nothing: %d\n", ready(fd, 0));
  kill(getpid(), SIGUSR1);
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 5});
  printf("something: %d\n", ready(fd, 0));
  SHOW(read(fd, &info, sizeof info));
  printf("USR1: %d from me %d code %d\n", info.ssi_signo == SIGUSR1, info.ssi_pid == (unsigned)getpid(), info.ssi_code);
  SHOW(read(fd, &info, sizeof info));
  printf("RT: %d value %d code %d\n", info.ssi_signo == (unsigned)SIGRTMIN, info.ssi_int, info.ssi_code);
  int epoll = epoll_create1(0);
  struct epoll_event event = {EPOLLIN, {.fd = fd}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  if (fork() == 0) _exit(3);
  printf("epoll: %d\n", epoll_wait(epoll, &event, 1, 5000));
  SHOW(read(fd, &info, sizeof info));
  printf("CHLD: %d status %d code %d\n", info.ssi_signo == SIGCHLD, info.ssi_status, info.ssi_code);
  wait(NULL);
  sigdelset(&set, SIGUSR1);
  printf("change: %d\n", signalfd(fd, &set, 0) == fd);
  kill(getpid(), SIGUSR1);
  printf("not any more: %d\n", ready(fd, 0));
  SHOW(signalfd(0, &set, 0));
  SHOW(signalfd(-1, &set, 1));
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  siginfo_t taken;
  printf("still there: %d\n", sigwaitinfo(&set, &taken) == SIGUSR1);
}

static void signals_of_files(void) {
  int pipes[2];
  SHOW(pipe(pipes));
  struct sigaction action = {.sa_sigaction = on_io, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGIO, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  SHOW(fcntl(pipes[0], F_SETOWN, getpid()));
  SHOW(fcntl(pipes[0], F_SETFL, O_ASYNC | O_NONBLOCK));
  printf("flags: %d\n", (fcntl(pipes[0], F_GETFL) & O_ASYNC) != 0);
  SHOW(write(pipes[1], "x", 1));
  printf("SIGIO: %d\n", io_count);
  SHOW(fcntl(pipes[0], F_SETSIG, SIGUSR2));
  io_count = 0;
  SHOW(write(pipes[1], "x", 1));
  printf("SIGUSR2: %d, fd %d, code %d\n", io_count, io_fd == pipes[0], io_code == POLL_IN);
  SHOW(fcntl(pipes[0], F_SETFL, 0));
  io_count = 0;
  SHOW(write(pipes[1], "x", 1));
  printf("off: %d\n", io_count);
  SHOW(fcntl(pipes[0], F_SETOWN, 0x3fffffff));
}

int main(void) {
  limit_time(20);
  setvbuf(stdout, NULL, _IONBF, 0);
  pidfds();
  signalfds();
  signals_of_files();
  return 0;
}
