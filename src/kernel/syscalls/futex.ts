/**
 * futex(2). The queues are in futex/futex-table.ts.
 */

import { E, type Errno } from '../../abi/errno.js';
import {
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_CLOCK_REALTIME,
  FUTEX_CMD_MASK,
  FUTEX_CMP_REQUEUE,
  FUTEX_CMP_REQUEUE_PI,
  FUTEX_LOCK_PI,
  FUTEX_LOCK_PI2,
  FUTEX_PRIVATE_FLAG,
  FUTEX_REQUEUE,
  FUTEX_TRYLOCK_PI,
  FUTEX_UNLOCK_PI,
  FUTEX_WAIT,
  FUTEX_WAIT_BITSET,
  FUTEX_WAIT_REQUEUE_PI,
  FUTEX_WAKE,
  FUTEX_WAKE_BITSET,
  FUTEX_WAKE_OP,
  futexOperations,
} from '../../abi/futex.js';
import { NR } from '../../abi/numbers.js';
import { timespec } from '../../abi/time.js';
import type { UserAddr } from '../../base/brand.js';
import { NS_PER_SEC } from '../../base/clock.js';
import { type FutexKey, FutexWaiter } from '../futex/futex-table.js';
import { untilWoken } from '../futex/until-woken.js';
import { applyWakeOp } from '../futex/wake-op.js';
import {
  type Blocking,
  Failure,
  fail,
  type Outcome,
  RESTART_IF_SA_RESTART,
  Restart,
  type Result,
  SyscallError,
} from '../outcome.js';
import type { Task } from '../task/task.js';
import { resumedDeadline } from '../wait.js';
import { addr, choiceWithFlags, uint, word } from './codecs.js';
import { arg, syscall } from './declare.js';
import { futexKey } from './futex-key.js';
import { lockPi, requeuePi, unlockPi, waitRequeuePi } from './futex-pi.js';
import { futexWaitvCalls } from './futex-waitv.js';

const operation = choiceWithFlags(futexOperations, FUTEX_CMD_MASK, {
  FUTEX_PRIVATE_FLAG,
  FUTEX_CLOCK_REALTIME,
});

export const futexCalls = [
  syscall(
    NR.futex,
    'futex',
    [
      arg('uaddr', addr),
      arg('futex_op', operation),
      arg('val', uint),
      arg('timeout', word),
      arg('uaddr2', addr),
      arg('val3', uint),
    ],
    {
      classes: ['ipc'],
      support: 'partial',
      note: `PI locks go to the highest priority, but lend none; FUTEX_WAKE_OP is not atomic against stores by other threads`,
    },
    futex,
  ),
  ...futexWaitvCalls,
];

function futex(
  task: Task,
  at: UserAddr,
  op: number,
  value: number,
  timeout: number,
  at2: UserAddr,
  value3: number,
): Result {
  const command = op & FUTEX_CMD_MASK;
  const { futexes } = task.kernel.tasks;
  if (op & FUTEX_CLOCK_REALTIME && !TAKES_CLOCK.includes(command)) return fail(E.ENOSYS);
  switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: {
      const bits = command === FUTEX_WAIT ? FUTEX_BITSET_MATCH_ANY : value3;
      if (bits === 0) return fail(E.EINVAL);
      const deadlineNs = timeout === 0 ? Number.POSITIVE_INFINITY : deadline(task, op, timeout as UserAddr);
      return wait(task, { at, key: keyOf(task, at, op), value, bits, deadlineNs });
    }
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET: {
      const bits = command === FUTEX_WAKE ? FUTEX_BITSET_MATCH_ANY : value3;
      if (bits === 0) return fail(E.EINVAL);
      // As Linux has it, waking none wakes one.
      return futexes.wake(keyOf(task, at, op), Math.max(1, value | 0), bits);
    }
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE: {
      const counts = { wake: value | 0, move: timeout | 0 };
      if (counts.wake < 0 || counts.move < 0) return fail(E.EINVAL);
      const from = keyOf(task, at, op);
      const to = keyOf(task, at2, op);
      if (command === FUTEX_CMP_REQUEUE && task.memory.readU32(at) !== value3) return fail(E.EAGAIN);
      const { woken, moved } = futexes.requeue(from, to, counts);
      return woken + moved;
    }
    case FUTEX_WAKE_OP: {
      const from = keyOf(task, at, op);
      const also = keyOf(task, at2, op);
      const wakeAlso = applyWakeOp(task.memory, at2, value3);
      if (wakeAlso instanceof Failure) return wakeAlso;
      const woken = futexes.wake(from, Math.max(1, value | 0));
      return wakeAlso ? woken + futexes.wake(also, Math.max(1, timeout | 0)) : woken;
    }
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2: {
      const deadlineNs = timeout === 0 ? Number.POSITIVE_INFINITY : deadline(task, op, timeout as UserAddr);
      return lockPi(task, { at, key: keyOf(task, at, op) }, { patience: 'wait', deadlineNs });
    }
    case FUTEX_TRYLOCK_PI:
      return lockPi(task, { at, key: keyOf(task, at, op) }, { patience: 'try', deadlineNs: 0 });
    case FUTEX_UNLOCK_PI:
      return unlockPi(task, { at, key: keyOf(task, at, op) });
    case FUTEX_WAIT_REQUEUE_PI: {
      const deadlineNs = timeout === 0 ? Number.POSITIVE_INFINITY : deadline(task, op, timeout as UserAddr);
      if (at === at2) return fail(E.EINVAL);
      const to = { at: at2, key: keyOf(task, at2, op) };
      return waitRequeuePi(task, { at, key: keyOf(task, at, op) }, to, { value, deadlineNs });
    }
    case FUTEX_CMP_REQUEUE_PI: {
      if (at === at2 || (timeout | 0) < 0) return fail(E.EINVAL);
      const to = { at: at2, key: keyOf(task, at2, op) };
      const what = { wake: value | 0, move: timeout | 0, value: value3 };
      return requeuePi(task, { at, key: keyOf(task, at, op) }, to, what);
    }
    default:
      return fail(E.ENOSYS);
  }
}

const TAKES_CLOCK: readonly number[] = [FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2];

function keyOf(task: Task, at: UserAddr, op: number): FutexKey {
  return futexKey(task, at, op & FUTEX_PRIVATE_FLAG ? 'private' : 'shared');
}

/**
 * FUTEX_WAIT's time is relative, FUTEX_LOCK_PI's a point of the real clock, that of the others one of
 * the monotonic clock, or of the real one where a flag says so.
 */
function deadline(task: Task, op: number, at: UserAddr): number {
  const { sec, nsec } = task.memory.readStruct(timespec, at);
  if (sec < 0 || nsec < 0 || nsec >= NS_PER_SEC) throw new SyscallError(E.EINVAL);
  const { clock } = task.kernel;
  if ((op & FUTEX_CMD_MASK) === FUTEX_WAIT) {
    return resumedDeadline(task, clock.monotonic() + sec * NS_PER_SEC + nsec);
  }
  const isReal = (op & FUTEX_CLOCK_REALTIME) !== 0 || (op & FUTEX_CMD_MASK) === FUTEX_LOCK_PI;
  if (!isReal) return sec * NS_PER_SEC + nsec;
  const now = clock.realtime();
  return clock.monotonic() + (sec - now.sec) * NS_PER_SEC + (nsec - now.nsec);
}

interface FutexWait {
  readonly at: UserAddr;
  readonly key: FutexKey;
  readonly value: number;
  readonly bits: number;
  readonly deadlineNs: number;
}

/** In the queue first, then the look at the word: see futex-table.ts for why that loses no wake-up. */
function wait(task: Task, what: FutexWait): Result {
  const { futexes } = task.kernel.tasks;
  const waiter = new FutexWaiter(what.key, what.bits);
  futexes.add(waiter);
  const refused = mismatch(task, what);
  if (refused === undefined) return sleep(task, what, waiter);
  futexes.remove(waiter);
  return fail(refused);
}

function mismatch(task: Task, { at, value }: FutexWait): Errno | undefined {
  try {
    return task.memory.readU32(at) === value ? undefined : E.EAGAIN;
  } catch (e) {
    if (e instanceof SyscallError) return e.errno;
    throw e;
  }
}

function* sleep(task: Task, what: FutexWait, waiter: FutexWaiter): Blocking<Outcome> {
  const { deadlineNs } = what;
  try {
    const how = yield untilWoken(waiter, () => waiter.woken, deadlineNs);
    // A wake-up that came together with a signal or the end of the time is not to be lost.
    if (waiter.woken) return 0;
    if (how === 'timedOut') return fail(E.ETIMEDOUT);
    if (deadlineNs === Number.POSITIVE_INFINITY) return RESTART_IF_SA_RESTART;
    return new Restart('block', deadlineNs);
  } finally {
    if (!waiter.woken) task.kernel.tasks.futexes.remove(waiter);
  }
}
