/** clone(2), clone3(2), unshare(2) as data; linux/sched.h. */
import { struct, u64 } from './struct.js';

export const CLONE = {
  NEWTIME: 0x80,
  VM: 0x100,
  FS: 0x200,
  FILES: 0x400,
  SIGHAND: 0x800,
  PIDFD: 0x1000,
  PTRACE: 0x2000,
  VFORK: 0x4000,
  PARENT: 0x8000,
  THREAD: 0x1_0000,
  NEWNS: 0x2_0000,
  SYSVSEM: 0x4_0000,
  SETTLS: 0x8_0000,
  PARENT_SETTID: 0x10_0000,
  CHILD_CLEARTID: 0x20_0000,
  DETACHED: 0x40_0000,
  UNTRACED: 0x80_0000,
  CHILD_SETTID: 0x100_0000,
  NEWCGROUP: 0x200_0000,
  NEWUTS: 0x400_0000,
  NEWIPC: 0x800_0000,
  NEWUSER: 0x1000_0000,
  NEWPID: 0x2000_0000,
  NEWNET: 0x4000_0000,
  IO: 0x8000_0000,
} as const;

/** The low byte of clone(2)'s flags is the signal sent at exit. */
export const CSIGNAL = 0xff;

/** clone3 only: bits 32 and 33, so a number, not an int32. */
export const CLONE_CLEAR_SIGHAND = 0x1_0000_0000;
export const CLONE_INTO_CGROUP = 0x2_0000_0000;

export const CLONE_ARGS_SIZE_VER0 = 64;
export const cloneArgs = struct('clone_args', {
  flags: u64,
  pidfd: u64,
  childTid: u64,
  parentTid: u64,
  exitSignal: u64,
  stack: u64,
  stackSize: u64,
  tls: u64,
  setTid: u64,
  setTidSize: u64,
  cgroup: u64,
});
