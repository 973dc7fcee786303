/** ptrace(2): requests, options, events, and the struct layouts of x86-64. */
import { struct, u32, u64 } from './struct.js';

export const PTRACE = {
  TRACEME: 0,
  PEEKTEXT: 1,
  PEEKDATA: 2,
  PEEKUSER: 3,
  POKETEXT: 4,
  POKEDATA: 5,
  POKEUSER: 6,
  CONT: 7,
  KILL: 8,
  SINGLESTEP: 9,
  GETREGS: 12,
  SETREGS: 13,
  GETFPREGS: 14,
  SETFPREGS: 15,
  ATTACH: 16,
  DETACH: 17,
  SYSCALL: 24,
  ARCH_PRCTL: 30,
  SYSEMU: 31,
  SYSEMU_SINGLESTEP: 32,
  SINGLEBLOCK: 33,
  SETOPTIONS: 0x4200,
  GETEVENTMSG: 0x4201,
  GETSIGINFO: 0x4202,
  SETSIGINFO: 0x4203,
  GETREGSET: 0x4204,
  SETREGSET: 0x4205,
  SEIZE: 0x4206,
  INTERRUPT: 0x4207,
  LISTEN: 0x4208,
  PEEKSIGINFO: 0x4209,
  GETSIGMASK: 0x420a,
  SETSIGMASK: 0x420b,
  SECCOMP_GET_FILTER: 0x420c,
  SECCOMP_GET_METADATA: 0x420d,
  GET_SYSCALL_INFO: 0x420e,
  GET_RSEQ_CONFIGURATION: 0x420f,
} as const;
export const ptraceRequests = Object.fromEntries(
  Object.entries(PTRACE).map(([name, value]) => [`PTRACE_${name}`, value]),
);

export const PTRACE_O = {
  TRACESYSGOOD: 0x1,
  TRACEFORK: 0x2,
  TRACEVFORK: 0x4,
  TRACECLONE: 0x8,
  TRACEEXEC: 0x10,
  TRACEVFORKDONE: 0x20,
  TRACEEXIT: 0x40,
  TRACESECCOMP: 0x80,
  EXITKILL: 0x10_0000,
  SUSPEND_SECCOMP: 0x20_0000,
} as const;
/** Every option that there is. */
export const PTRACE_O_MASK = Object.values(PTRACE_O).reduce((all, one) => all | one, 0);

export const PTRACE_EVENT = {
  FORK: 1,
  VFORK: 2,
  CLONE: 3,
  EXEC: 4,
  VFORK_DONE: 5,
  EXIT: 6,
  SECCOMP: 7,
  STOP: 128,
} as const;
export type PtraceEvent = (typeof PTRACE_EVENT)[keyof typeof PTRACE_EVENT];

/** Types of register sets for PTRACE_GETREGSET, elf.h. */
export const NT_PRSTATUS = 1;
export const NT_PRFPREG = 2;
export const NT_X86_XSTATE = 0x202;

/** struct user: the general registers come first, the debug registers at the end. */
export const USER_REGS_SIZE = 27 * 8;
export const USER_SIZE = 912;
export const USER_DEBUGREG = 848;
export const DEBUG_REGISTERS = 8;

export const AUDIT_ARCH_X86_64 = 0xc000_003e;

/** struct ptrace_syscall_info: the head, then one of two bodies. */
export const PTRACE_SYSCALL_INFO = { NONE: 0, ENTRY: 1, EXIT: 2, SECCOMP: 3 } as const;
export const syscallInfoHead = struct('ptrace_syscall_info', {
  op: u32,
  arch: u32,
  instructionPointer: u64,
  stackPointer: u64,
});

export const peekSiginfoArgs = struct('ptrace_peeksiginfo_args', { off: u64, flags: u32, nr: u32 });
export const PTRACE_PEEKSIGINFO_SHARED = 1;
