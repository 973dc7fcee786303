/**
 * The zygote's program: a static ELF of one segment that holds the stub's code and the start that
 * turns a fresh host process into a prison that does nothing but fork address spaces.
 *
 * Descriptors at start: 0 its control socket, 1 the shard's doorbell, 2 the shard page. Each message
 * on the socket brings two descriptors (the areas' memfd and the socket of a new address space) and is
 * answered by a fork. End of file on the socket ends the zygote.
 */
import { Assembler } from './asm/assembler.js';
import { at, eax, edi, type Label, r8d, r12d, r13d, r14d, rax, rbp, rdx, rsi } from './asm/operands.js';
import {
  CONTROL_SIZE,
  INTERRUPT_SIGNAL,
  SHARD_PAGE,
  SHARD_PAGE_SIZE,
  STUB_BASE,
  STUB_SOCKET,
  USER_END,
  ZYGOTE_PAGE,
} from './layout.js';
import { CLONE_PROCESS_FLAGS, stubFilter } from './seccomp-filter.js';
import { emitCall, emitStub, NR, type StubLabels } from './stub-code.js';

const ELF_HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const HEADERS_SIZE = ELF_HEADER_SIZE + PROGRAM_HEADER_SIZE;

const PR_SET_PDEATHSIG = 1;
const PR_SET_NAME = 15;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const RLIMIT_CORE = 4;
const SIGKILL = 9;
const SIGCHLD = 17;
/** SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS: what guest code raises by running. */
const FAULTS = [4, 5, 7, 8, 11, 31];
const SA = { SIGINFO: 4, ONSTACK: 0x0800_0000, NODEFER: 0x4000_0000, RESTORER: 0x0400_0000 } as const;

export interface ZygoteOptions {
  readonly userDispatch: boolean;
  /** Host pid of the process that starts it, which it must not outlive. */
  readonly parentPid: number;
  /** CLONE_NEW* bits that the host is known to grant. */
  readonly namespaces: number;
}

/** The ELF file. */
export function zygoteImage(options: ZygoteOptions): Uint8Array {
  const a = new Assembler(STUB_BASE);
  a.data(new Uint8Array(HEADERS_SIZE));
  const stub = emitStub(a, options);
  const entry = a.label('entry');
  emitZygote(a, entry, stub, options);
  const image = a.finish();
  writeHeaders(image, a.addressOf(entry));
  return image;
}

function emitZygote(a: Assembler, entry: Label, stub: StubLabels, options: ZygoteOptions): void {
  const die = a.label('die');
  const loop = a.label('loop');
  const data = emitData(a, stub);

  a.align(16);
  a.place(die);
  emitCall(a, NR.exit_group, 1);

  a.place(entry);
  emitCall(a, NR.prctl, PR_SET_PDEATHSIG, SIGKILL);
  emitCall(a, NR.getppid);
  a.cmp(eax, options.parentPid);
  a.j('notEqual', die); // it died before the line above
  emitCall(a, NR.close_range, 3, 0xffff_ffff, 0);
  emitCall(a, NR.getpid);
  a.mov(r14d, eax);
  emitCall(a, NR.setsid); // no terminal's signals reach stubs
  a.leaLabel(rsi, data.name);
  emitCall(a, NR.prctl, PR_SET_NAME, undefined, 0, 0, 0); // else ps shows the number of a descriptor
  if (options.namespaces !== 0) {
    emitCall(a, NR.unshare, options.namespaces);
    emitCall(a, NR.prctl, PR_SET_PDEATHSIG, SIGKILL);
  }

  emitCall(a, NR.mmap, SHARD_PAGE, SHARD_PAGE_SIZE, 3, 0x11, 2, 0);
  emitExitUnless(a, die);
  emitCall(a, NR.close, 2);
  emitCall(a, NR.mmap, ZYGOTE_PAGE, 0x1000, 3, 0x32, 0xffff_ffff, 0);
  emitExitUnless(a, die);
  // Everything else that exec mapped goes: the stack, the VDSO, its data.
  emitCall(a, NR.munmap, 0, STUB_BASE);
  emitCall(a, NR.munmap, SHARD_PAGE + SHARD_PAGE_SIZE, USER_END - (SHARD_PAGE + SHARD_PAGE_SIZE));

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
function emitData(a: Assembler, stub: StubLabels): ZygoteData {
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
  const filter = stubFilter();
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

function writeHeaders(image: Uint8Array, entry: number): void {
  const v = new DataView(image.buffer);
  image.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64-bit, little endian
  v.setUint16(16, 2, true); // ET_EXEC
  v.setUint16(18, 62, true); // EM_X86_64
  v.setUint32(20, 1, true);
  v.setBigUint64(24, BigInt(entry), true);
  v.setBigUint64(32, BigInt(ELF_HEADER_SIZE), true);
  v.setUint16(52, ELF_HEADER_SIZE, true);
  v.setUint16(54, PROGRAM_HEADER_SIZE, true);
  v.setUint16(56, 1, true);
  const ph = ELF_HEADER_SIZE;
  v.setUint32(ph, 1, true); // PT_LOAD
  v.setUint32(ph + 4, 5, true); // read, execute
  v.setBigUint64(ph + 16, BigInt(STUB_BASE), true);
  v.setBigUint64(ph + 24, BigInt(STUB_BASE), true);
  v.setBigUint64(ph + 32, BigInt(image.length), true);
  v.setBigUint64(ph + 40, BigInt(image.length), true);
  v.setBigUint64(ph + 48, 0x1000n, true);
}
