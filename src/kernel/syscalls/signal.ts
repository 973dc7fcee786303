/**
 * rt_sigaction(2), rt_sigprocmask(2), rt_sigpending(2), rt_sigsuspend(2), rt_sigtimedwait(2),
 * rt_sigreturn(2), sigaltstack(2), pause(2), restart_syscall(2).
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import {
  kernelSigaction,
  NSIG,
  SA,
  SIG,
  SIG_BLOCK,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGSET_SIZE,
  sigprocmaskHows,
  stackT,
} from '../../abi/signal.js';
import { timespec } from '../../abi/time.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { NS_PER_SEC } from '../../base/clock.js';
import {
  type Blocking,
  ENTER_SIGRETURN,
  fail,
  type Outcome,
  RESTART_UNLESS_HANDLED,
  type Result,
  SyscallError,
} from '../outcome.js';
import { describeAltStack, setAltStack } from '../signal/alt-stack.js';
import { maskMinus, maskUnion, maskWithout, type SignalMask } from '../signal/mask.js';
import { forceSegv, forgetPending, setMask, setTemporaryMask, takeSignal } from '../signal/send.js';
import { encodeSiginfo, kernelSignal, type SignalInfo } from '../signal/siginfo.js';
import type { Task } from '../task/task.js';
import { resumedDeadline, sleepUntil } from '../wait.js';
import { addr, choice, signalNumber, sigset, sigsetOut, size, structAt, structOut } from './codecs.js';
import { arg, syscall } from './declare.js';

const signal = { classes: ['signal'] } as const;

export const signalCalls = [
  syscall(
    NR.rt_sigaction,
    'rt_sigaction',
    [
      arg('signum', signalNumber),
      arg('act', structAt(kernelSigaction)),
      arg('oldact', structOut(kernelSigaction)),
      arg('sigsetsize', size),
    ],
    signal,
    sigaction,
  ),
  syscall(
    NR.rt_sigprocmask,
    'rt_sigprocmask',
    [
      arg('how', choice(sigprocmaskHows)),
      arg('set', sigset),
      arg('oldset', sigsetOut),
      arg('sigsetsize', size),
    ],
    signal,
    sigprocmask,
  ),
  syscall(
    NR.rt_sigpending,
    'rt_sigpending',
    [arg('set', sigsetOut), arg('sigsetsize', size)],
    signal,
    (task, setAt, length) => {
      if (length > SIGSET_SIZE) return fail(E.EINVAL);
      const waiting = maskUnion(task.pending.mask, task.group.pending.mask);
      const held = { lo: (waiting.lo & task.mask.lo) >>> 0, hi: (waiting.hi & task.mask.hi) >>> 0 };
      task.memory.write(setAt, bytesOfMask(held).subarray(0, length));
      return 0;
    },
  ),
  syscall(
    NR.rt_sigsuspend,
    'rt_sigsuspend',
    [arg('mask', sigset), arg('sigsetsize', size)],
    signal,
    (task, maskAt, length) => {
      if (length !== SIGSET_SIZE) return fail(E.EINVAL);
      setTemporaryMask(task, readMask(task, maskAt));
      return untilSignal();
    },
  ),
  syscall(
    NR.rt_sigtimedwait,
    'rt_sigtimedwait',
    [arg('set', sigset), arg('info', addr), arg('timeout', structAt(timespec)), arg('sigsetsize', size)],
    signal,
    sigtimedwait,
  ),
  syscall(NR.rt_sigreturn, 'rt_sigreturn', [], { ...signal, returns: 'none' }, sigreturn),
  syscall(
    NR.sigaltstack,
    'sigaltstack',
    [arg('ss', structAt(stackT)), arg('old_ss', structOut(stackT))],
    signal,
    (task, nextAt, oldAt) => {
      const next = nextAt === 0 ? undefined : task.memory.readStruct(stackT, nextAt);
      const old = describeAltStack(task);
      if (next) {
        const refused = setAltStack(task, { sp: userAddr(next.sp), size: next.size, flags: next.flags });
        if (refused) return refused;
      }
      if (oldAt !== 0) task.memory.writeStruct(stackT, oldAt, old);
      return 0;
    },
  ),
  syscall(NR.pause, 'pause', [], signal, () => untilSignal()),
  syscall(NR.restart_syscall, 'restart_syscall', [], signal, (task) => {
    const block = task.restartBlock;
    if (!block) return fail(E.EINTR);
    task.resumed = { deadlineNs: block.deadlineNs };
    const result = task.kernel.tasks.dispatch(task, block.number);
    task.resumed = undefined;
    return result;
  }),
];

const KNOWN_FLAGS =
  SA.NOCLDSTOP |
  SA.NOCLDWAIT |
  SA.SIGINFO |
  SA.EXPOSE_TAGBITS |
  SA.RESTORER |
  SA.ONSTACK |
  SA.RESTART |
  SA.NODEFER |
  SA.RESETHAND;

function sigaction(task: Task, signo: number, nextAt: UserAddr, oldAt: UserAddr, length: number): Result {
  if (length !== SIGSET_SIZE) return fail(E.EINVAL);
  const next = nextAt === 0 ? undefined : task.memory.readStruct(kernelSigaction, nextAt);
  if (signo < 1 || signo > NSIG) return fail(E.EINVAL);
  if (next && (signo === SIG.KILL || signo === SIG.STOP)) return fail(E.EINVAL);
  const { group } = task;
  const old = group.actions.get(signo);
  if (next) {
    group.actions.set(signo, {
      handler: next.handler,
      flags: (next.flags & KNOWN_FLAGS) >>> 0,
      restorer: userAddr(next.restorer),
      mask: withoutUnblockable({ lo: next.maskLo, hi: next.maskHi }),
    });
    // What is now ignored would only lie there (POSIX 3.3.1.3).
    if (group.actions.ignores(signo)) forgetPending(group, signo);
  }
  if (oldAt !== 0) {
    const { handler, flags, restorer, mask } = old;
    task.memory.writeStruct(kernelSigaction, oldAt, {
      handler,
      flags,
      restorer,
      maskLo: mask.lo,
      maskHi: mask.hi,
    });
  }
  return 0;
}

function sigprocmask(task: Task, how: number, setAt: UserAddr, oldAt: UserAddr, length: number): Result {
  if (length !== SIGSET_SIZE) return fail(E.EINVAL);
  const old = task.mask;
  if (setAt !== 0) {
    const set = withoutUnblockable(readMask(task, setAt));
    switch (how) {
      case SIG_BLOCK:
        setMask(task, maskUnion(old, set));
        break;
      case SIG_UNBLOCK:
        setMask(task, maskMinus(old, set));
        break;
      case SIG_SETMASK:
        setMask(task, set);
        break;
      default:
        return fail(E.EINVAL);
    }
  }
  if (oldAt !== 0) task.memory.write(oldAt, bytesOfMask(old));
  return 0;
}

function* untilSignal(): Blocking<Outcome> {
  yield sleepUntil(Number.POSITIVE_INFINITY);
  return RESTART_UNLESS_HANDLED;
}

function sigtimedwait(
  task: Task,
  setAt: UserAddr,
  infoAt: UserAddr,
  timeAt: UserAddr,
  length: number,
): Result {
  if (length !== SIGSET_SIZE) return fail(E.EINVAL);
  const set = withoutUnblockable(readMask(task, setAt));
  const deadlineNs = timeAt === 0 ? Number.POSITIVE_INFINITY : deadlineOf(task, timeAt);
  const taken = takeSignal(task, complement(set));
  if (taken) return tell(task, infoAt, taken);
  if (deadlineNs <= task.kernel.clock.monotonic()) return fail(E.EAGAIN);
  return waitForSet(task, set, infoAt, deadlineNs);
}

/** The set is let through while it waits, so that a sender wakes it; what comes is taken, not delivered. */
function* waitForSet(task: Task, set: SignalMask, infoAt: UserAddr, deadlineNs: number): Blocking<Outcome> {
  const real = task.mask;
  task.realMask = real;
  task.mask = maskMinus(real, set);
  try {
    const how = yield sleepUntil(deadlineNs);
    const taken = takeSignal(task, complement(set));
    if (taken) return tell(task, infoAt, taken);
    return fail(how === 'timedOut' ? E.EAGAIN : E.EINTR);
  } finally {
    task.realMask = undefined;
    setMask(task, real);
  }
}

function tell(task: Task, infoAt: UserAddr, info: SignalInfo): number {
  if (infoAt !== 0) task.memory.write(infoAt, encodeSiginfo(info));
  return info.signo;
}

function deadlineOf(task: Task, at: UserAddr): number {
  const { sec, nsec } = task.memory.readStruct(timespec, at);
  if (sec < 0 || nsec < 0 || nsec >= NS_PER_SEC) throw new SyscallError(E.EINVAL);
  return resumedDeadline(task, task.kernel.clock.monotonic() + sec * NS_PER_SEC + nsec);
}

function sigreturn(task: Task): Result {
  const frame = task.context.popSignalFrame();
  if (!frame) {
    forceSegv(task, SIG.SEGV, kernelSignal(SIG.SEGV));
    return ENTER_SIGRETURN;
  }
  setMask(task, { lo: frame.maskLo, hi: frame.maskHi });
  // As in Linux, a stack that cannot be set is nobody's failure here.
  setAltStack(task, frame.altStack);
  return ENTER_SIGRETURN;
}

function readMask(task: Task, at: UserAddr): SignalMask {
  const bytes = task.memory.readBytes(at, SIGSET_SIZE);
  const view = new DataView(bytes.buffer);
  return { lo: view.getUint32(0, true), hi: view.getUint32(4, true) };
}

function bytesOfMask({ lo, hi }: SignalMask): Uint8Array {
  return new Uint8Array(Uint32Array.of(lo, hi).buffer);
}

function withoutUnblockable(mask: SignalMask): SignalMask {
  return maskWithout(maskWithout(mask, SIG.KILL), SIG.STOP);
}

function complement({ lo, hi }: SignalMask): SignalMask {
  return { lo: ~lo >>> 0, hi: ~hi >>> 0 };
}
