/* Who and where a process is, its limits and clocks: the parts that do not differ by machine. */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "show.h"

static double since(clockid_t clock, struct timespec from) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (now.tv_sec - from.tv_sec) + (now.tv_nsec - from.tv_nsec) / 1e9;
}

int main(void) {
  struct utsname name;
  SHOW(uname(&name));
  printf("%s %s\n", name.sysname, name.machine);
  printf("pid is tid: %d, parent %d\n", getpid() == syscall(SYS_gettid), getppid() >= 0);
  uid_t r, e, s;
  SHOW(getresuid(&r, &e, &s));
  SHOW(r == getuid() && e == geteuid());
  struct rlimit limit;
  SHOW(getrlimit(RLIMIT_STACK, &limit));
  SHOW(limit.rlim_cur >= 1 << 20);
  SHOW(getrlimit(RLIMIT_NOFILE, &limit));
  limit.rlim_cur = 100;
  SHOW(setrlimit(RLIMIT_NOFILE, &limit));
  struct rlimit again;
  getrlimit(RLIMIT_NOFILE, &again);
  printf("nofile %lu\n", (unsigned long)again.rlim_cur);
  int fd = 0, last = 0;
  errno = 0;
  while ((fd = dup(1)) >= 0) last = fd;
  printf("last descriptor %d %s\n", last, strerrorname_np(errno));
  cpu_set_t cpus;
  SHOW(sched_getaffinity(0, sizeof cpus, &cpus));
  SHOW(CPU_COUNT(&cpus) >= 1);
  struct sysinfo info;
  SHOW(sysinfo(&info));
  SHOW(info.totalram > 0 && info.uptime >= 0);
  unsigned char bytes[64] = {0};
  int some = 0;
  SHOW(getrandom(bytes, 64, 0));
  for (int i = 0; i < 64; i++) some |= bytes[i];
  printf("not all zero: %d\n", some != 0);
  char comm[16];
  prctl(PR_SET_NAME, "a-name-longer-than-fifteen");
  prctl(PR_GET_NAME, comm);
  printf("comm %s\n", comm);
  struct timespec start, nap = {0, 30000000};
  clock_gettime(CLOCK_MONOTONIC, &start);
  int slept = nanosleep(&nap, NULL);
  double took = since(CLOCK_MONOTONIC, start);
  printf("nanosleep %d, took at least that: %d, not much more: %d\n", slept, took >= 0.03, took < 5);
  struct timespec real;
  clock_gettime(CLOCK_REALTIME, &real);
  printf("realtime %d, now %d\n", real.tv_sec > 1700000000, since(CLOCK_REALTIME, real) < 5);
  SHOW(clock_gettime(99, &real));
  nap.tv_nsec = 1000000000;
  SHOW(nanosleep(&nap, NULL));
  SHOW(syscall(9999));
  struct rusage usage;
  SHOW(getrusage(RUSAGE_SELF, &usage));
  return 0;
}
