/**
 * Signals, signal(7), sigaction(2): numbers, flags, si_codes and struct layouts of x86-64.
 */
import { type Field, i32, i64, ptr, struct, u16, u32, u64 } from './struct.js';

export const SIG = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
} as const;
/** The kernel's own lowest real-time signal; libc keeps 32 and 33 for itself. */
export const SIGRTMIN = 32;
export const SIGRTMAX = 64;
export const NSIG = 64;

/** sizeof(sigset_t) as the kernel wants it in rt_sig* calls. */
export const SIGSET_SIZE = 8;

const names: (string | undefined)[] = [];
for (const [name, signo] of Object.entries(SIG)) names[signo] = `SIG${name}`;

/** "SIGINT", "SIGRT_3" for real-time signals as strace names them, "77" for what is none. */
export function signalName(signo: number): string {
  const known = names[signo];
  if (known !== undefined) return known;
  if (signo >= SIGRTMIN && signo <= SIGRTMAX)
    return signo === SIGRTMIN ? 'SIGRTMIN' : `SIGRT_${signo - SIGRTMIN}`;
  return String(signo);
}

/** The number of "SIGTERM" or "TERM". */
export function signalNumber(name: string): number | undefined {
  const key = name.startsWith('SIG') ? name.slice(3) : name;
  return (SIG as Readonly<Record<string, number>>)[key];
}

export const SIG_DFL = 0;
export const SIG_IGN = 1;

export const SIG_BLOCK = 0;
export const SIG_UNBLOCK = 1;
export const SIG_SETMASK = 2;
export const sigprocmaskHows = { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK } as const;

export const SA = {
  NOCLDSTOP: 0x1,
  NOCLDWAIT: 0x2,
  SIGINFO: 0x4,
  UNSUPPORTED: 0x400,
  EXPOSE_TAGBITS: 0x800,
  RESTORER: 0x0400_0000,
  ONSTACK: 0x0800_0000,
  RESTART: 0x1000_0000,
  NODEFER: 0x4000_0000,
  RESETHAND: 0x8000_0000,
} as const;

/** struct kernel_sigaction: what rt_sigaction(2) takes (not libc's struct sigaction). */
export const kernelSigaction = struct('kernel_sigaction', {
  handler: ptr,
  flags: u64,
  restorer: ptr,
  maskLo: u32,
  maskHi: u32,
});

export const SS = { ONSTACK: 1, DISABLE: 2, AUTODISARM: 0x8000_0000 } as const;
export const MINSIGSTKSZ = 2048;
export const stackT = struct('sigaltstack', { sp: ptr, flags: i32, size: u64 });

/** si_code: who sent it, or for faults, SIGCHLD, SIGIO and SIGSYS what happened. */
export const SI = {
  USER: 0,
  KERNEL: 0x80,
  QUEUE: -1,
  TIMER: -2,
  MESGQ: -3,
  ASYNCIO: -4,
  SIGIO: -5,
  TKILL: -6,
} as const;
/** sigevent(3): how something tells that it happened. */
export const SIGEV = { SIGNAL: 0, NONE: 1, THREAD: 2, THREAD_ID: 4 } as const;
export const sigevent = struct(
  'sigevent',
  { valueLo: u32, valueHi: u32, signo: i32, notify: i32, tid: i32 },
  { size: 64 },
);
export const ILL = {
  ILLOPC: 1,
  ILLOPN: 2,
  ILLADR: 3,
  ILLTRP: 4,
  PRVOPC: 5,
  PRVREG: 6,
  COPROC: 7,
  BADSTK: 8,
} as const;
export const FPE = {
  INTDIV: 1,
  INTOVF: 2,
  FLTDIV: 3,
  FLTOVF: 4,
  FLTUND: 5,
  FLTRES: 6,
  FLTINV: 7,
  FLTSUB: 8,
} as const;
export const SEGV = { MAPERR: 1, ACCERR: 2, BNDERR: 3, PKUERR: 4 } as const;
export const BUS = { ADRALN: 1, ADRERR: 2, OBJERR: 3 } as const;
export const TRAP = { BRKPT: 1, TRACE: 2, BRANCH: 3, HWBKPT: 4 } as const;
export const CLD = { EXITED: 1, KILLED: 2, DUMPED: 3, TRAPPED: 4, STOPPED: 5, CONTINUED: 6 } as const;
export const POLL = { IN: 1, OUT: 2, MSG: 3, ERR: 4, PRI: 5, HUP: 6 } as const;
export const SYS = { SECCOMP: 1, USER_DISPATCH: 2 } as const;

/**
 * siginfo_t: 128 bytes whose union depends on who sent the signal. Each view below is one arm of the
 * union with the common head, padded to the whole size.
 */
export const SIGINFO_SIZE = 128;
const head = { signo: i32, errno: i32, code: i32, pad: i32 } as const satisfies Record<string, Field<number>>;
const arm = { size: SIGINFO_SIZE } as const;

/** kill, tgkill, sigqueue: si_pid, si_uid, si_value in two halves. */
export const siginfoKill = struct(
  'siginfo_kill',
  { ...head, pid: i32, uid: u32, valueLo: u32, valueHi: u32 },
  arm,
);
/** SIGCHLD; times in clock ticks. */
export const siginfoChild = struct(
  'siginfo_child',
  { ...head, pid: i32, uid: u32, status: i32, pad2: i32, utime: u64, stime: u64 },
  arm,
);
/** Faults: SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP. */
export const siginfoFault = struct('siginfo_fault', { ...head, addr: ptr }, arm);
/** POSIX timers. */
export const siginfoTimer = struct(
  'siginfo_timer',
  { ...head, timerId: i32, overrun: i32, valueLo: u32, valueHi: u32 },
  arm,
);
/** SIGIO. */
export const siginfoPoll = struct('siginfo_poll', { ...head, band: i64, fd: i32 }, arm);
/** SIGSYS. */
export const siginfoSys = struct('siginfo_sys', { ...head, callAddr: ptr, syscall: i32, arch: u32 }, arm);

/** signalfd(2): what a read gives for each signal. */
export const signalfdSiginfo = struct(
  'signalfd_siginfo',
  {
    signo: u32,
    errno: i32,
    code: i32,
    pid: u32,
    uid: u32,
    fd: i32,
    tid: u32,
    band: u32,
    overrun: u32,
    trapno: u32,
    status: i32,
    int: i32,
    ptr: u64,
    utime: u64,
    stime: u64,
    addr: u64,
    addrLsb: u16,
  },
  { size: 128 },
);
