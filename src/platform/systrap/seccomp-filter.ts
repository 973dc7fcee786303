/**
 * The stub's seccomp filter, seccomp(2), as classic BPF.
 *
 * Outside the stub's code: SIGSYS (where Syscall User Dispatch works it comes first, and this is only
 * the fence behind it). Inside: the few calls below, since a hostile guest may jump there with any
 * registers it likes; so each must be harmless to everything but the guest's own stub. Anything else
 * kills the process.
 */
import { assert } from '../../base/assert.js';
import { STUB_BASE, STUB_CODE_SIZE, STUB_DOORBELL, STUB_LANE_DOORBELL, STUB_SOCKET } from './layout.js';

const ALLOW = 0x7fff_0000;
const TRAP = 0x0003_0000;
const KILL_PROCESS = 0x8000_0000;
const AUDIT_ARCH_X86_64 = 0xc000_003e;

/** Offsets in struct seccomp_data. */
const DATA_NR = 0;
const DATA_ARCH = 4;
const DATA_IP_LOW = 8;
const DATA_IP_HIGH = 12;
const dataArgLow = (n: number): number => 16 + 8 * n;

/** struct sock_filter: opcode, jump if true, jump if false, constant. */
type Instruction = [code: number, jt: number, jf: number, k: number];
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER_EQUAL = 0x35;
const RETURN = 0x06;

const CLONE_PARENT = 0x8000;
const SIGCHLD = 17;
/** Flags of clone(2) for a thread: VM | FS | FILES | SIGHAND | THREAD | SYSVSEM | PARENT_SETTID | CHILD_CLEARTID. */
export const CLONE_THREAD_FLAGS = 0x100 | 0x200 | 0x400 | 0x800 | 0x1_0000 | 0x4_0000 | 0x10_0000 | 0x20_0000;
/** … for a process forked by the zygote, and for one forked by a stub, whose parent is the zygote too. */
export const CLONE_PROCESS_FLAGS = SIGCHLD;
export const CLONE_SIBLING_FLAGS = SIGCHLD | CLONE_PARENT;

type Call = { nr: number; args?: { index: number; values: readonly number[] } };

const WRITE = 1;
/** Host calls by number (x86-64), and what their arguments must be: argument index → allowed low words. */
const CALLS: readonly Call[] = [
  { nr: 202 }, // futex: parking
  { nr: 15 }, // rt_sigreturn: back to the guest
  { nr: WRITE, args: { index: 0, values: [STUB_DOORBELL, STUB_SOCKET] } },
  { nr: 9 }, // mmap
  { nr: 11 }, // munmap
  { nr: 10 }, // mprotect
  { nr: 25 }, // mremap
  { nr: 28 }, // madvise
  { nr: 27 }, // mincore
  { nr: 26 }, // msync
  { nr: 17 }, // pread64: file data straight into guest memory
  { nr: 18 }, // pwrite64
  { nr: 47, args: { index: 0, values: [STUB_SOCKET] } }, // recvmsg: descriptors from the shard
  { nr: 3 }, // close
  { nr: 33 }, // dup2
  { nr: 131 }, // sigaltstack
  { nr: 110 }, // getppid: whether the zygote lives
  { nr: 158 }, // arch_prctl: FS and GS base
  { nr: 228 }, // clock_gettime: the CPU time of a thread
  { nr: 157, args: { index: 0, values: [59, 1] } }, // prctl: SYSCALL_USER_DISPATCH, PDEATHSIG
  { nr: 56, args: { index: 0, values: [CLONE_THREAD_FLAGS, CLONE_PROCESS_FLAGS, CLONE_SIBLING_FLAGS] } },
  { nr: 203, args: { index: 0, values: [0] } }, // sched_setaffinity: where the calling thread runs
  { nr: 324 }, // membarrier: among the stub's own threads
  { nr: 98 }, // getrusage: what exit and wait tell
  { nr: 60 }, // exit
  { nr: 231 }, // exit_group
];

/** Where there is a lane, its doorbell may be rung. */
const WITH_LANE: readonly Call[] = CALLS.map((call) =>
  call.nr === WRITE && call.args
    ? { nr: WRITE, args: { index: 0, values: [...call.args.values, STUB_LANE_DOORBELL] } }
    : call,
);

/** The program as an array of struct sock_filter, 8 bytes each. */
export function stubFilter({ lane }: { lane: boolean }): Uint8Array {
  const program: Instruction[] = [
    [LOAD, 0, 0, DATA_ARCH],
    [JUMP_EQUAL, 1, 0, AUDIT_ARCH_X86_64],
    [RETURN, 0, 0, TRAP],
    [LOAD, 0, 0, DATA_IP_HIGH],
    [JUMP_EQUAL, 1, 0, Math.floor(STUB_BASE / 0x1_0000_0000)],
    [RETURN, 0, 0, TRAP],
    [LOAD, 0, 0, DATA_IP_LOW],
    [JUMP_GREATER_EQUAL, 0, 1, (STUB_BASE % 0x1_0000_0000) + STUB_CODE_SIZE],
    [RETURN, 0, 0, TRAP],
    [LOAD, 0, 0, DATA_NR],
  ];
  for (const { nr, args } of lane ? WITH_LANE : CALLS) {
    if (!args) {
      program.push([JUMP_EQUAL, 0, 1, nr], [RETURN, 0, 0, ALLOW]);
      continue;
    }
    // On a match: load the argument, compare with each value, and end here either way.
    const body: Instruction[] = [[LOAD, 0, 0, dataArgLow(args.index)]];
    for (const value of args.values) body.push([JUMP_EQUAL, 0, 1, value], [RETURN, 0, 0, ALLOW]);
    body.push([RETURN, 0, 0, KILL_PROCESS]);
    program.push([JUMP_EQUAL, 0, body.length, nr], ...body);
  }
  program.push([RETURN, 0, 0, KILL_PROCESS]);
  return encode(program);
}

function encode(program: readonly Instruction[]): Uint8Array {
  const out = new Uint8Array(program.length * 8);
  const view = new DataView(out.buffer);
  program.forEach(([code, jt, jf, k], i) => {
    assert(jt < 256 && jf < 256, 'BPF jump too long');
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, jt);
    view.setUint8(i * 8 + 3, jf);
    view.setUint32(i * 8 + 4, k, true);
  });
  return out;
}
