/*
 * The VDSO: that it is found as a C library finds it, and that who asks it and who asks by system call sees one
 * clock, which never goes back.
 */
#define _GNU_SOURCE
#include "check.h"
#include <elf.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>

typedef int clock_function(clockid_t, struct timespec *);

/* As musl's vdso.c: program headers, dynamic section, symbols with their versions. */
static void *find(const char *name) {
  Elf64_Ehdr *header = (void *)getauxval(AT_SYSINFO_EHDR);
  if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_type != ET_DYN) return NULL;
  Elf64_Phdr *p = (void *)((char *)header + header->e_phoff);
  char *base = NULL;
  Elf64_Dyn *dynamic = NULL;
  for (int i = 0; i < header->e_phnum; i++, p++) {
    if (p->p_type == PT_LOAD) base = (char *)header + p->p_offset - p->p_vaddr;
    if (p->p_type == PT_DYNAMIC) dynamic = (void *)((char *)header + p->p_offset);
  }
  if (!base || !dynamic) return NULL;
  char *strings = NULL;
  Elf64_Sym *symbols = NULL;
  uint32_t *hash = NULL;
  uint16_t *versions = NULL;
  Elf64_Verdef *definitions = NULL;
  for (; dynamic->d_tag; dynamic++) {
    void *at = base + dynamic->d_un.d_ptr;
    if (dynamic->d_tag == DT_STRTAB) strings = at;
    if (dynamic->d_tag == DT_SYMTAB) symbols = at;
    if (dynamic->d_tag == DT_HASH) hash = at;
    if (dynamic->d_tag == DT_VERSYM) versions = at;
    if (dynamic->d_tag == DT_VERDEF) definitions = at;
  }
  if (!strings || !symbols || !hash || !versions || !definitions) return NULL;
  for (uint32_t i = 0; i < hash[1]; i++) {
    if (!symbols[i].st_shndx || strcmp(name, strings + symbols[i].st_name)) continue;
    for (Elf64_Verdef *d = definitions;; d = (void *)((char *)d + d->vd_next)) {
      Elf64_Verdaux *known_as = (void *)((char *)d + d->vd_aux);
      if ((d->vd_ndx & 0x7fff) == (versions[i] & 0x7fff) && !(d->vd_flags & VER_FLG_BASE))
        return strcmp("LINUX_2.6", strings + known_as->vda_name) ? NULL : base + symbols[i].st_value;
      if (!d->vd_next) return NULL;
    }
  }
  return NULL;
}

static clock_function *vdso_gettime;

static long long ns(const struct timespec *t) { return t->tv_sec * 1000000000LL + t->tv_nsec; }

static long long by_vdso(clockid_t clock) {
  struct timespec t;
  return vdso_gettime(clock, &t) ? -1 : ns(&t);
}

static long long by_call(clockid_t clock) {
  struct timespec t;
  return syscall(SYS_clock_gettime, clock, &t) ? -1 : ns(&t);
}

enum { EACH_CALL = 50 };
static int reads = 500000;
static _Atomic long long latest;
static clockid_t alternated;

/* Both ways in turn; the result counts readings before one that was complete when this one began. */
static void *alternate(void *unused) {
  (void)unused;
  long back = 0;
  for (int i = 0; i < reads; i++) {
    long long before = atomic_load(&latest);
    long long now = i % EACH_CALL ? by_vdso(alternated) : by_call(alternated);
    back += now < before;
    while (before < now && !atomic_compare_exchange_weak(&latest, &before, now)) continue;
  }
  return (void *)back;
}

static void one_clock(clockid_t clock) {
  pthread_t other;
  void *back;
  alternated = clock;
  atomic_store(&latest, 0);
  pthread_create(&other, NULL, alternate, NULL);
  long mine = (long)alternate(NULL);
  pthread_join(other, &back);
  printf("clock %d went back %ld times\n", clock, mine + (long)back);
}

int main(int argc, char **argv) {
  limit_time(120);
  if (argc > 1 && atoi(argv[1]) > 0) reads = atoi(argv[1]);
  static const char *const names[] = {"__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time", "__vdso_getcpu",
                                      "__vdso_clock_getres", "clock_gettime", "nonsense"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) printf("%s: %d\n", names[i], find(names[i]) != NULL);
  vdso_gettime = (clock_function *)find("__vdso_clock_gettime");
  if (!vdso_gettime) return 1;

  one_clock(CLOCK_MONOTONIC);
  one_clock(CLOCK_REALTIME);
  for (int clock = 0; clock < 14; clock++) {
    if (clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM) continue; /* not every machine has them */
    struct timespec t = {-1, -1};
    int r = vdso_gettime(clock, &t);
    int c = syscall(SYS_clock_gettime, clock, &t) ? -errno : 0;
    long long first = by_vdso(clock), second = by_call(clock), third = by_vdso(clock);
    printf("clock %d: %d %d, in order %d, near %d\n", clock, r, c, first <= second && second <= third,
           third - first < 10000000000LL);
  }
  printf("no such clock: %d\n", vdso_gettime(77, &(struct timespec){0}));

  clock_function *getres = (clock_function *)find("__vdso_clock_getres");
  for (int clock = 0; clock < 8; clock++) {
    struct timespec t = {-1, -1}, u = {-2, -2};
    int r = getres(clock, &t), c = syscall(SYS_clock_getres, clock, &u);
    printf("getres %d: %d %d, equal %d\n", clock, r, c, t.tv_sec == u.tv_sec && t.tv_nsec == u.tv_nsec);
  }
  printf("getres of nothing: %d %d\n", getres(CLOCK_MONOTONIC, NULL), getres(77, NULL));

  int (*day)(struct timeval *, struct timezone *) = (int (*)(struct timeval *, struct timezone *))find("__vdso_gettimeofday");
  time_t (*seconds)(time_t *) = (time_t(*)(time_t *))find("__vdso_time");
  int (*cpu)(unsigned *, unsigned *, void *) = (int (*)(unsigned *, unsigned *, void *))find("__vdso_getcpu");
  struct timeval tv;
  struct timezone tz = {5, 5};
  long long before = by_vdso(CLOCK_REALTIME) / 1000;
  int r = day(&tv, &tz);
  long long now = tv.tv_sec * 1000000LL + tv.tv_usec, after = by_call(CLOCK_REALTIME) / 1000;
  printf("gettimeofday %d, in order %d, zone %d %d, ", r, before <= now && now <= after, tz.tz_minuteswest, tz.tz_dsttime);
  printf("nothing %d\n", day(NULL, NULL));
  time_t t = 0, u = seconds(&t);
  printf("time %d, again %d\n", t == u, seconds(NULL) - t <= 10);
  unsigned which = 1000, node = 1000;
  printf("getcpu %d, %d %d\n", cpu(&which, &node, NULL), which < (unsigned)sysconf(_SC_NPROCESSORS_CONF), node < 1000);
  return 0;
}
