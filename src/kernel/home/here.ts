/**
 * Which system calls a body answers by itself: those that concern its memory, its signals, its time and
 * its threads alone. All others go home (docs/decisions/0032), so a call that nobody thought of is
 * answered where everything is.
 */
import { NR } from '../../abi/numbers.js';

/** The number of the shard that is the home of all that processes share. */
export const HOME = 0;

const HERE: readonly number[] = [
  NR.mmap,
  NR.mprotect,
  NR.munmap,
  NR.brk,
  NR.mremap,
  NR.madvise,
  NR.mincore,
  NR.msync,
  NR.mlock,
  NR.munlock,
  NR.mlockall,
  NR.munlockall,
  NR.mlock2,
  NR.remap_file_pages,
  NR.pkey_mprotect,
  NR.pkey_alloc,
  NR.pkey_free,
  NR.membarrier,
  NR.rt_sigaction,
  NR.rt_sigprocmask,
  NR.rt_sigreturn,
  NR.rt_sigpending,
  NR.rt_sigtimedwait,
  NR.rt_sigsuspend,
  NR.sigaltstack,
  NR.pause,
  NR.nanosleep,
  NR.clock_nanosleep,
  NR.clock_gettime,
  NR.clock_getres,
  NR.gettimeofday,
  NR.time,
  NR.getitimer,
  NR.setitimer,
  NR.alarm,
  NR.timer_create,
  NR.timer_settime,
  NR.timer_gettime,
  NR.timer_getoverrun,
  NR.timer_delete,
  NR.futex,
  NR.futex_waitv,
  NR.set_robust_list,
  NR.set_tid_address,
  NR.arch_prctl,
  NR.rseq,
  NR.restart_syscall,
  NR.sched_yield,
  NR.getcpu,
  NR.getpid,
  NR.gettid,
  NR.getuid,
  NR.geteuid,
  NR.getgid,
  NR.getegid,
  NR.getrandom,
  NR.clone,
  NR.clone3,
  NR.fork,
  NR.vfork,
  NR.execve,
  NR.execveat,
  NR.exit,
  NR.exit_group,
];

/**
 * What body and deputy both keep, and programs change with the same call: at home first, and here when
 * that succeeded.
 */
const BOTH: readonly number[] = [
  NR.setuid,
  NR.setgid,
  NR.setreuid,
  NR.setregid,
  NR.setresuid,
  NR.setresgid,
  NR.setgroups,
  NR.setfsuid,
  NR.setfsgid,
  NR.capset,
  NR.prlimit64,
  NR.setrlimit,
  NR.personality,
  NR.prctl,
];

export type Where = 'here' | 'both' | 'home';

const places = new Map<number, Where>([
  ...HERE.map((n) => [n, 'here'] as const),
  ...BOTH.map((n) => [n, 'both'] as const),
]);

export function whereToAnswer(number: number): Where {
  return places.get(number) ?? 'home';
}
