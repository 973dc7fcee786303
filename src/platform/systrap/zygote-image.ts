/**
 * The zygote's program: a static ELF of one segment that holds the stub's code and the start that
 * turns a fresh host process into a prison that does nothing but fork address spaces.
 *
 * Descriptors at start: 0 its control socket, 1 the shard's doorbell, 2 the shard page, 3 the time page. Each message
 * on the socket brings two descriptors (the areas' memfd and the socket of a new address space) and is
 * answered by a fork. End of file on the socket ends the zygote.
 */
import { Assembler } from './asm/assembler.js';
import {
  at,
  eax,
  edi,
  type Label,
  r8d,
  r12d,
  r13d,
  r14d,
  r15,
  rax,
  rbp,
  rdi,
  rdx,
  rsi,
  rsp,
} from './asm/operands.js';
import {
  CONTROL_SIZE,
  FIXED_END,
  HOST_VDSO_LOWEST,
  HOST_VDSO_SIZE,
  HOST_VVAR_SIZE,
  INTERRUPT_SIGNAL,
  LANE_PAGE,
  SHARD_PAGE,
  SHARD_PAGE_SIZE,
  STUB_BASE,
  STUB_LANE_DOORBELL,
  STUB_SOCKET,
  TIME_PAGE,
  TIME_PAGE_SIZE,
  USER_END,
  VDSO,
  ZYGOTE_PAGE,
} from './layout.js';
import { CLONE_PROCESS_FLAGS, stubFilter } from './seccomp-filter.js';
import { emitCall, emitStub, NR, type StubLabels } from './stub-code.js';

const ELF_HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
/** The stub's code, and the VDSO. */
const SEGMENTS = 2;
const HEADERS_SIZE = ELF_HEADER_SIZE + SEGMENTS * PROGRAM_HEADER_SIZE;
const PAGE = 0x1000;
/** Mapped and closed at once. */
export const LANE_PAGE_FD = 5;

const AT_SYSINFO_EHDR = 33;
const PR_SET_PDEATHSIG = 1;
const PR_SET_NAME = 15;
const PR_SET_TSC = 26;
const PR_TSC_SIGSEGV = 2;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const RLIMIT_CORE = 4;
const SIGKILL = 9;
const SIGCHLD = 17;
/** SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS: what guest code raises by running. */
const FAULTS = [4, 5, 7, 8, 11, 31];
const SA = { SIGINFO: 4, ONSTACK: 0x0800_0000, NODEFER: 0x4000_0000, RESTORER: 0x0400_0000 } as const;

/** What one zygote differs in from another. */
export interface ZygoteTraits {
  readonly userDispatch: boolean;
  /** Host pid of the process that starts it, which it must not outlive. */
  readonly parentPid: number;
  /** CLONE_NEW* bits that the host may grant. */
  readonly namespaces: number;
  /** Guests' rdtsc traps, and with it what the host's VDSO does: that goes then. */
  readonly trapTimestamps: boolean;
  /** Some system calls are reported to the home: descriptor 4 is its doorbell, 5 the lane page. */
  readonly lane: boolean;
}

/** The ELF file; `vdso` is the library that guests find the clocks in. */
export function zygoteImage(traits: ZygoteTraits, vdso: Uint8Array): Uint8Array {
  const a = new Assembler(STUB_BASE);
  a.data(new Uint8Array(HEADERS_SIZE));
  const stub = emitStub(a, traits);
  const entry = a.label('entry');
  emitZygote(a, entry, stub, traits);
  const code = a.finish();
  const vdsoAt = Math.ceil(code.length / PAGE) * PAGE;
  const image = new Uint8Array(vdsoAt + vdso.length);
  image.set(code);
  image.set(vdso, vdsoAt);
  writeHeaders(image, a.addressOf(entry), [
    { offset: 0, address: STUB_BASE, size: code.length },
    { offset: vdsoAt, address: VDSO, size: vdso.length },
  ]);
  return image;
}

function emitZygote(a: Assembler, entry: Label, stub: StubLabels, traits: ZygoteTraits): void {
  const die = a.label('die');
  const loop = a.label('loop');
  const data = emitData(a, stub, traits);

  a.align(16);
  a.place(die);
  emitCall(a, NR.exit_group, 1);

  a.place(entry);
  emitFindHostVdso(a);
  emitCall(a, NR.prctl, PR_SET_PDEATHSIG, SIGKILL);
  emitCall(a, NR.getppid);
  a.cmp(eax, traits.parentPid);
  a.j('notEqual', die); // it died before the line above
  emitCall(a, NR.close_range, traits.lane ? LANE_PAGE_FD + 1 : STUB_LANE_DOORBELL, 0xffff_ffff, 0);
  emitCall(a, NR.getpid);
  a.mov(r14d, eax);
  emitCall(a, NR.setsid); // no terminal's signals reach stubs
  a.leaLabel(rsi, data.name);
  emitCall(a, NR.prctl, PR_SET_NAME, undefined, 0, 0, 0); // else ps shows the number of a descriptor
  if (traits.namespaces !== 0) {
    emitCall(a, NR.unshare, traits.namespaces);
    emitCall(a, NR.prctl, PR_SET_PDEATHSIG, SIGKILL);
  }

  emitCall(a, NR.mmap, SHARD_PAGE, SHARD_PAGE_SIZE, 3, 0x11, 2, 0);
  emitExitUnless(a, die);
  emitCall(a, NR.close, 2);
  emitCall(a, NR.mmap, TIME_PAGE, TIME_PAGE_SIZE, 1, 0x11, 3, 0);
  emitExitUnless(a, die);
  emitCall(a, NR.close, 3);
  emitCall(a, NR.mmap, ZYGOTE_PAGE, 0x1000, 3, 0x32, 0xffff_ffff, 0);
  emitExitUnless(a, die);
  // Everything else that exec mapped goes, the stack too.
  emitCall(a, NR.munmap, 0, STUB_BASE);
  if (traits.trapTimestamps) {
    emitCall(a, NR.munmap, FIXED_END, USER_END - FIXED_END);
    emitCall(a, NR.prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
  } else {
    emitUnmapAllBut(a, r15);
  }
  if (traits.lane) {
    emitCall(a, NR.mmap, LANE_PAGE, SHARD_PAGE_SIZE, 3, 0x11, LANE_PAGE_FD, 0);
    emitExitUnless(a, die);
    emitCall(a, NR.close, LANE_PAGE_FD);
  }

  for (const signal of [...FAULTS, INTERRUPT_SIGNAL]) {
    a.leaLabel(rsi, data.action);
    emitCall(a, NR.rt_sigaction, signal, undefined, 0, 8);
    emitExitUnless(a, die);
  }
  a.leaLabel(rsi, data.ignore);
  emitCall(a, NR.rt_sigaction, SIGCHLD, undefined, 0, 8); // children reap themselves
  a.leaLabel(rsi, data.emptyMask);
  emitCall(a, NR.rt_sigprocmask, 2, undefined, 0, 8);
  a.leaLabel(rsi, data.noCore);
  emitCall(a, NR.setrlimit, RLIMIT_CORE, undefined);
  emitCall(a, NR.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  emitExitUnless(a, die);
  a.leaLabel(rdx, data.filter);
  emitCall(a, NR.seccomp, SECCOMP_SET_MODE_FILTER, 0, undefined);
  emitExitUnless(a, die);

  // The message header lies in the scratch page: msghdr at 0, iovec at 64, data at 96, control at 128.
  a.movImm64(rbp, ZYGOTE_PAGE);
  a.lea(rax, at(rbp, 64));
  a.store(at(rbp, 16), rax);
  a.storeImm64(at(rbp, 24), 1);
  a.lea(rax, at(rbp, 128));
  a.store(at(rbp, 32), rax);
  a.lea(rax, at(rbp, 96));
  a.store(at(rbp, 64), rax);
  a.storeImm64(at(rbp, 72), 1);

  a.place(loop);
  a.storeImm64(at(rbp, 40), CONTROL_SIZE);
  a.mov(rsi, rbp);
  emitCall(a, NR.recvmsg, STUB_SOCKET, undefined, 0);
  a.cmp(rax, 1);
  a.j('notEqual', die);
  a.load(r12d, at(rbp, 128 + 16));
  a.load(r13d, at(rbp, 128 + 20));
  a.mov(r8d, r14d);
  emitCall(a, NR.clone, CLONE_PROCESS_FLAGS, 0, 0, 0);
  a.testReg(eax, eax);
  a.j('equal', stub.processStart);
  a.mov(edi, r12d);
  emitCall(a, NR.close);
  a.mov(edi, r13d);
  emitCall(a, NR.close);
  a.jmp(loop);
}

/** r15: where the host's VDSO is, 0 where guests could not reach it. On the stack: argc, one argument, no variables. */
function emitFindHostVdso(a: Assembler): void {
  const next = a.label('nextAuxiliary');
  const none = a.label('noVdso');
  const found = a.label('foundVdso');
  const done = a.label('soughtVdso');
  a.lea(rsi, at(rsp, 4 * 8));
  a.place(next);
  a.load(rax, at(rsi));
  a.testReg(rax, rax);
  a.j('equal', none);
  a.cmp(rax, AT_SYSINFO_EHDR);
  a.j('equal', found);
  a.add(rsi, 16);
  a.jmp(next);
  a.place(found);
  a.load(r15, at(rsi, 8));
  // Hosts may be set to place it lower, among what guests map.
  a.movImm64(rax, HOST_VDSO_LOWEST);
  a.cmpReg(r15, rax);
  a.j('aboveOrEqual', done);
  a.place(none);
  a.xor(r15, r15);
  a.place(done);
}

/** Unmaps what is above the fixed parts, but not the VDSO at r15, if there is one, and its data. */
function emitUnmapAllBut(a: Assembler, vdso: typeof r15): void {
  const keep = a.label('keepVdso');
  const done = a.label('unmapped');
  a.testReg(vdso, vdso);
  a.j('notEqual', keep);
  emitCall(a, NR.munmap, FIXED_END, USER_END - FIXED_END);
  a.jmp(done);
  a.place(keep);
  a.movImm64(rdi, FIXED_END);
  a.lea(rsi, at(vdso, -HOST_VVAR_SIZE));
  a.subReg(rsi, rdi);
  emitCall(a, NR.munmap);
  a.lea(rdi, at(vdso, HOST_VDSO_SIZE));
  a.movImm64(rsi, USER_END);
  a.subReg(rsi, rdi);
  emitCall(a, NR.munmap);
  a.place(done);
}

/** Dies when the call just made failed. */
function emitExitUnless(a: Assembler, die: Label): void {
  a.cmp(rax, -4095);
  a.j('aboveOrEqual', die);
}

interface ZygoteData {
  readonly action: Label;
  readonly ignore: Label;
  readonly emptyMask: Label;
  readonly noCore: Label;
  readonly name: Label;
  readonly filter: Label;
}

/** Read-only data, after the code that it points at. */
function emitData(a: Assembler, stub: StubLabels, { lane }: ZygoteTraits): ZygoteData {
  const labels = {
    action: a.label('action'),
    ignore: a.label('ignore'),
    emptyMask: a.label('emptyMask'),
    noCore: a.label('noCore'),
    name: a.label('name'),
    filter: a.label('filter'),
  };
  const instructions = a.label('instructions');
  a.align(8);
  a.place(instructions);
  const filter = stubFilter({ lane });
  a.data(filter);
  a.place(labels.filter); // struct sock_fprog
  a.quad(filter.length / 8);
  a.quad(a.addressOf(instructions));
  a.place(labels.action); // struct sigaction: handler, flags, restorer, mask
  a.quad(a.addressOf(stub.handler));
  a.quad(SA.SIGINFO | SA.ONSTACK | SA.NODEFER | SA.RESTORER);
  a.quad(a.addressOf(stub.handler)); // never returned to: the handler leaves by rt_sigreturn itself
  a.quad(1n << BigInt(INTERRUPT_SIGNAL - 1));
  a.place(labels.ignore);
  a.quad(1); // SIG_IGN
  a.quad(0);
  a.quad(0);
  a.place(labels.emptyMask);
  a.quad(0);
  a.place(labels.noCore);
  a.quad(0);
  a.quad(0);
  a.place(labels.name);
  a.data(new TextEncoder().encode('troupe-stub\0'));
  return labels;
}

interface Segment {
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

function writeHeaders(image: Uint8Array, entry: number, segments: readonly Segment[]): void {
  const v = new DataView(image.buffer);
  const quad = (at: number, value: number): void => v.setBigUint64(at, BigInt(value), true);
  image.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64-bit, little endian
  v.setUint16(16, 2, true); // ET_EXEC
  v.setUint16(18, 62, true); // EM_X86_64
  v.setUint32(20, 1, true);
  quad(24, entry);
  quad(32, ELF_HEADER_SIZE);
  v.setUint16(52, ELF_HEADER_SIZE, true);
  v.setUint16(54, PROGRAM_HEADER_SIZE, true);
  v.setUint16(56, SEGMENTS, true);
  segments.forEach(({ offset, address, size }, i) => {
    const ph = ELF_HEADER_SIZE + i * PROGRAM_HEADER_SIZE;
    v.setUint32(ph, 1, true); // PT_LOAD
    v.setUint32(ph + 4, 5, true); // read, execute
    quad(ph + 8, offset);
    quad(ph + 16, address);
    quad(ph + 24, address);
    quad(ph + 32, size);
    quad(ph + 40, size);
    quad(ph + 48, PAGE);
  });
}
