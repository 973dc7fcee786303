/**
 * The stub: the code that runs in a guest's host process besides the guest. Compare gVisor's
 * pkg/sentry/platform/systrap/sysmsg.
 *
 * `handler` is the signal handler of every trap. It runs on the signal stack inside the thread's
 * area, so the host kernel has already written all registers where the shard reads them. It reports
 * (STATE, ring, doorbell), waits for GO (spinning, then on a futex), makes the host calls that the
 * shard left, and returns to the guest by rt_sigreturn.
 *
 * Register use in the handler: rbx area, r14 ucontext, while reporting rbp page and r12d doorbell, r13d which GO, rbp the current host call,
 * r15d host calls left, r12 and the rest scratch.
 */
import type { Assembler, Condition } from './asm/assembler.js';
import {
  at,
  eax,
  ebp,
  ecx,
  edi,
  edx,
  esi,
  esp,
  indexed,
  type Label,
  r8,
  r8d,
  r9,
  r9d,
  r10,
  r10d,
  r12d,
  r13d,
  r14,
  r15d,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
} from './asm/operands.js';
import {
  AREA_SIZE,
  AREAS,
  AREAS_SIZE,
  area,
  LANE_CALLS,
  LANE_PAGE,
  OP_SIZE,
  OpFlag,
  op,
  Report,
  RING_SIZE,
  SHARD_PAGE,
  STUB_BASE,
  STUB_CODE_SIZE,
  STUB_DOORBELL,
  STUB_LANE_DOORBELL,
  STUB_SOCKET,
  State,
  shardPage,
  TIME_PAGE,
  timePage,
} from './layout.js';
import { greg, ucontext } from './thread-area.js';

/** x86-64 numbers of the host calls that the stub makes by itself. */
export const NR = {
  write: 1,
  close: 3,
  mmap: 9,
  munmap: 11,
  rt_sigaction: 13,
  rt_sigprocmask: 14,
  rt_sigreturn: 15,
  dup2: 33,
  getpid: 39,
  getppid: 110,
  setsid: 112,
  recvmsg: 47,
  clone: 56,
  exit: 60,
  sigaltstack: 131,
  prctl: 157,
  setrlimit: 160,
  futex: 202,
  exit_group: 231,
  unshare: 272,
  seccomp: 317,
  close_range: 436,
} as const;

const PR_SET_PDEATHSIG = 1;
const PR_SET_SYSCALL_USER_DISPATCH = 59;
const PR_SYS_DISPATCH_ON = 1;
const SIGKILL = 9;
const SIGSYS = 31;
const FUTEX_WAIT = 0;
const MAP_SHARED_FIXED = 0x11;
const PROT_READ_WRITE = 3;

export interface StubOptions {
  /** Use Syscall User Dispatch in front of the seccomp filter. */
  readonly userDispatch: boolean;
  /** Some system calls are reported by the lane (lane-table.ts). */
  readonly lane: boolean;
}

export interface StubLabels {
  readonly handler: Label;
  /** Start of a process made by clone: r8d its parent to be, r12d its areas' memfd, r13d its socket. */
  readonly processStart: Label;
}

/** Emits the stub's code and returns its entry points. */
export function emitStub(a: Assembler, options: StubOptions): StubLabels {
  const handler = a.label('handler');
  const processStart = a.label('processStart');
  const threadStart = a.label('threadStart');
  emitHandler(a, handler, threadStart, processStart, options);
  emitStarts(a, threadStart, processStart, options);
  return { handler, processStart };
}

/** Emits `number` with up to five constant arguments already in place where undefined. */
export function emitCall(a: Assembler, nr: number, ...args: (number | undefined)[]): void {
  const where = [rdi, rsi, rdx, r10, r8, r9] as const;
  const where32 = [edi, esi, edx, r10d, r8d, r9d] as const;
  args.forEach((value, i) => {
    const [wide, narrow] = [where[i], where32[i]];
    if (value === undefined || !wide || !narrow) return;
    if (value >= 0 && value <= 0xffff_ffff) a.movImm32(narrow, value);
    else a.movImm64(wide, value);
  });
  a.movImm32(eax, nr);
  a.syscall();
}

function emitHandler(
  a: Assembler,
  handler: Label,
  threadStart: Label,
  processStart: Label,
  { lane }: StubOptions,
): void {
  const report = a.label('report');
  const reportHere = a.label('reportHere');
  const wait = a.label('wait');
  const spin = a.label('spin');
  const park = a.label('park');
  const parked = a.label('parked');
  const go = a.label('go');
  const nextOp = a.label('nextOp');
  const opDone = a.label('opDone');
  const opsDone = a.label('opsDone');
  const failed = a.label('failed');
  const doorbellValue = a.label('doorbellValue');
  const unless = (flag: number, otherwise: Label, condition: Condition = 'equal'): void => {
    a.testImm(ecx, flag);
    a.j(condition, otherwise);
  };

  a.align(16);
  a.place(doorbellValue);
  a.quad(1);

  // handler(edi: signal, rsi: siginfo, rdx: ucontext)
  a.align(64);
  a.place(handler);
  a.mov(rbx, rsp);
  a.and(rbx, -AREA_SIZE);
  a.mov(r14, rdx);
  a.store(at(rbx, area.SIGNO), edi);
  a.store(at(rbx, area.SIGINFO), rsi);
  a.store(at(rbx, area.UCONTEXT), rdx);
  if (lane) emitChooseLane(a, report);

  // Tell the shard: state first, then the hint in the ring (both ordered by the locked xadd and xchg),
  // then look whether it sleeps. The shard sets PARKED, then looks at every STATE: one of us sees the other.
  if (lane) {
    a.place(reportHere);
    a.movImm64(rbp, SHARD_PAGE);
    a.movImm32(r12d, STUB_DOORBELL);
    a.storeImm32(at(rbx, area.REPORTED_BY), 0);
  }
  a.place(report);
  a.storeImm32(at(rbx, area.STATE), State.TRAPPED);
  if (!lane) a.movImm64(rbp, SHARD_PAGE);
  a.movImm32(eax, 1);
  a.lockXadd(at(rbp, shardPage.TAIL), eax);
  a.and(eax, RING_SIZE - 1);
  a.load(ecx, at(rbx, area.SLOT));
  a.xchg(indexed(rbp, rax, 4, shardPage.RING), ecx);
  a.cmpMem32(at(rbp, shardPage.PARKED), 0);
  a.j('equal', wait);
  a.xor(eax, eax);
  a.xchg(at(rbp, shardPage.PARKED), eax);
  a.testReg(eax, eax);
  a.j('equal', wait);
  a.leaLabel(rsi, doorbellValue);
  if (lane) a.mov(edi, r12d);
  emitCall(a, NR.write, lane ? undefined : STUB_DOORBELL, undefined, 8);

  // Wait for GO: look SPIN times, then sleep on STATE.
  a.place(wait);
  a.load(ecx, at(rbx, area.SPIN));
  a.place(spin);
  a.load(eax, at(rbx, area.STATE));
  a.cmp(eax, State.GO_RUN);
  a.j('aboveOrEqual', go);
  a.dec(ecx);
  a.j('sign', park);
  a.pause();
  a.jmp(spin);

  a.place(park);
  a.movImm32(eax, State.TRAPPED);
  a.movImm32(ecx, State.PARKED);
  a.lockCmpxchg(at(rbx, area.STATE), ecx);
  a.place(parked);
  a.load(eax, at(rbx, area.STATE));
  a.cmp(eax, State.PARKED);
  a.j('notEqual', spin); // GO came (or nonsense, which spins here for ever and ends by the deadline)
  a.lea(rdi, at(rbx, area.STATE));
  emitCall(a, NR.futex, undefined, FUTEX_WAIT, State.PARKED, 0);
  a.jmp(parked);

  a.place(go);
  a.mov(r13d, eax);
  a.load(r15d, at(rbx, area.OP_COUNT));
  a.testReg(r15d, r15d);
  a.j('equal', opsDone);
  a.lea(rbp, at(rbx, area.OPS));

  // One host call. ecx holds its flags until the syscall instruction takes rcx away.
  a.place(nextOp);
  const args = [rdi, rsi, rdx, r10, r8, r9];
  args.forEach((register, i) => {
    a.load(register, at(rbp, op.ARGS + 8 * i));
  });
  a.load(ecx, at(rbp, op.FLAGS));
  const noArg4 = a.label('noArg4');
  unless(OpFlag.FD_ARG4, noArg4);
  a.load(r8d, at(rbx, area.FD_FIRST));
  a.place(noArg4);
  const noArg0 = a.label('noArg0');
  unless(OpFlag.FD_ARG0, noArg0);
  a.load(edi, at(rbx, area.FD_FIRST));
  a.place(noArg0);
  const noSecond = a.label('noSecond');
  unless(OpFlag.SECOND_ARG0, noSecond);
  a.load(edi, at(rbx, area.FD_SECOND));
  a.place(noSecond);
  const plain = a.label('plain');
  unless(OpFlag.THREAD | OpFlag.PROCESS, plain);
  emitClone(a, threadStart, processStart, opDone);
  a.place(plain);
  a.load(eax, at(rbp, op.NR));
  a.syscall();

  a.place(opDone);
  a.store(at(rbp, op.RESULT), rax);
  a.load(ecx, at(rbp, op.FLAGS));
  const noReceive = a.label('noReceive');
  unless(OpFlag.RECEIVE, noReceive);
  a.load(edx, at(rbx, area.CONTROL + 16));
  a.store(at(rbx, area.FD_FIRST), edx);
  a.load(edx, at(rbx, area.CONTROL + 20));
  a.store(at(rbx, area.FD_SECOND), edx);
  a.place(noReceive);
  const succeeded = a.label('succeeded');
  unless(OpFlag.MAY_FAIL, succeeded, 'notEqual');
  a.cmp(rax, -4095);
  a.j('aboveOrEqual', failed);
  a.place(succeeded);
  a.add(rbp, OP_SIZE);
  a.dec(r15d);
  a.j('notEqual', nextOp);

  a.place(opsDone);
  a.storeImm32(at(rbx, area.OP_COUNT), 0);
  a.cmp(r13d, State.GO_CALL);
  const called = a.label('called');
  a.j('equal', called);
  a.storeImm32(at(rbx, area.STATE), State.RUNNING);
  a.mov(rsp, r14);
  emitCall(a, NR.rt_sigreturn);
  a.ud2();

  // A GO_CALL is answered by STATE alone: the shard is waiting for it right there.
  a.place(called);
  a.storeImm32(at(rbx, area.SIGNO), Report.CALLED);
  a.storeImm32(at(rbx, area.STATE), State.TRAPPED);
  a.jmp(wait);

  a.place(failed);
  a.store(at(rbx, area.OP_COUNT), r15d); // what was left, the failed one included
  a.cmp(r13d, State.GO_CALL);
  a.j('equal', called);
  a.storeImm32(at(rbx, area.SIGNO), Report.FAILED);
  a.jmp(lane ? reportHere : report);
}

/** Leaves for `report`, with the page and the doorbell of the lane, when this is a system call for it. */
function emitChooseLane(a: Assembler, report: Label): void {
  const here = a.label('notByLane');
  a.cmp(edi, SIGSYS);
  a.j('notEqual', here);
  a.cmpMem32(at(rbx, area.LANE), 0);
  a.j('equal', here);
  a.load(eax, at(r14, ucontext.GREGS + 8 * greg.RAX));
  a.cmp(eax, LANE_CALLS);
  a.j('aboveOrEqual', here);
  a.movImm64(rcx, TIME_PAGE + timePage.LANE_CALLS);
  a.load(ecx, indexed(rcx, rax, 4));
  a.testReg(ecx, ecx);
  a.j('equal', here);
  a.movImm64(rbp, LANE_PAGE);
  a.movImm32(r12d, STUB_LANE_DOORBELL);
  a.storeImm32(at(rbx, area.REPORTED_BY), 1);
  a.jmp(report);
  a.place(here);
}

/** clone(2) with its arguments in place; the child leaves for its own start. */
function emitClone(a: Assembler, threadStart: Label, processStart: Label, done: Label): void {
  const thread = a.label('thread');
  a.load(r12d, at(rbx, area.FD_FIRST));
  a.testImm(ecx, OpFlag.THREAD);
  a.j('notEqual', thread);
  emitCloneProcess(a, processStart, done);
  a.place(thread);
  emitCall(a, NR.clone);
  a.testReg(rax, rax);
  a.j('equal', threadStart);
  a.jmp(done);
}

/**
 * The child finds its socket in r13d, so the parent's r13d (which GO) waits in r9, which clone keeps; its
 * parent will be ours.
 */
function emitCloneProcess(a: Assembler, processStart: Label, done: Label): void {
  a.mov(r9d, r13d);
  a.load(r13d, at(rbx, area.FD_SECOND));
  emitCall(a, NR.getppid);
  a.mov(r8d, eax);
  emitCall(a, NR.clone);
  a.testReg(rax, rax);
  a.j('equal', processStart);
  a.mov(r13d, r9d);
  a.jmp(done);
}

/** Where new threads and processes begin: set up the signal stack, then trap to wait for registers. */
function emitStarts(a: Assembler, threadStart: Label, processStart: Label, options: StubOptions): void {
  const common = a.label('common');

  const orphan = a.label('orphan');
  a.place(orphan);
  emitCall(a, NR.exit_group, 1);

  a.place(processStart);
  emitCall(a, NR.prctl, PR_SET_PDEATHSIG, SIGKILL);
  emitCall(a, NR.getppid);
  a.cmpReg(eax, r8d);
  a.j('notEqual', orphan); // the zygote died before the line above, and nobody would ever end us
  a.mov(r8d, r12d);
  emitCall(a, NR.mmap, AREAS, AREAS_SIZE, PROT_READ_WRITE, MAP_SHARED_FIXED, undefined, 0);
  a.mov(edi, r12d);
  emitCall(a, NR.close);
  a.mov(edi, r13d);
  emitCall(a, NR.dup2, undefined, STUB_SOCKET);
  a.mov(edi, r13d);
  emitCall(a, NR.close);
  // Any message will do: the host kernel stamps it with the sender's credentials.
  a.movImm64(rbx, AREAS);
  a.lea(rsi, at(rbx, area.MSG_DATA));
  emitCall(a, NR.write, STUB_SOCKET, undefined, 1);
  a.jmp(common);

  a.place(threadStart);
  a.lea(rbx, at(rsp, -1));
  a.and(rbx, -AREA_SIZE);

  // Off the signal stack: a forking thread's own (not the first area's) could not be exchanged from within,
  // and the frame of the trap below has to lie where those of all later ones do.
  a.place(common);
  a.xor(esp, esp);
  a.lea(rdi, at(rbx, area.STACK_T));
  emitCall(a, NR.sigaltstack, undefined, 0);
  if (options.userDispatch) {
    emitCall(a, NR.prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, STUB_BASE, STUB_CODE_SIZE, 0);
  }
  a.xor(ebp, ebp);
  a.ud2();
}
