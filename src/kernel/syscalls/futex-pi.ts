/** The operations of futex(2) on priority-inheriting locks; futex/pi-table.ts has the locks. */

import { E } from '../../abi/errno.js';
import type { UserAddr } from '../../base/brand.js';
import { type FutexKey, FutexWaiter } from '../futex/futex-table.js';
import { PiWaiter } from '../futex/pi-table.js';
import { untilWoken } from '../futex/until-woken.js';
import { type Blocking, Failure, fail, type Outcome, RESTART_ALWAYS, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';

export interface PiPlace {
  readonly at: UserAddr;
  readonly key: FutexKey;
}

/** FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_TRYLOCK_PI. */
export function lockPi(
  task: Task,
  { at, key }: PiPlace,
  how: { patience: 'wait' | 'try'; deadlineNs: number },
): Result {
  const waiter = new PiWaiter(task, at);
  const r = task.kernel.tasks.piLocks.lock(waiter, key, how.patience);
  if (r instanceof Failure) return r;
  if (r === 'owned') return 0;
  return r === 'busy' ? fail(E.EAGAIN) : waitForLock(task, waiter, how.deadlineNs);
}

function* waitForLock(task: Task, waiter: PiWaiter, deadlineNs: number): Blocking<Outcome> {
  try {
    const how = yield untilWoken(waiter, () => waiter.granted, deadlineNs);
    // What came together with a signal or the end of the time is ours all the same.
    if (waiter.granted) return 0;
    return how === 'timedOut' ? fail(E.ETIMEDOUT) : RESTART_ALWAYS;
  } finally {
    if (!waiter.granted) task.kernel.tasks.piLocks.cancel(waiter);
  }
}

export function unlockPi(task: Task, { at, key }: PiPlace): Result {
  return task.kernel.tasks.piLocks.unlock(task, at, key) ?? 0;
}

/** A waiter of a condition variable that is to own a lock when it wakes. */
class RequeueWaiter extends FutexWaiter {
  constructor(
    key: FutexKey,
    readonly target: FutexKey,
    readonly lockWaiter: PiWaiter,
  ) {
    super(key, 0xffff_ffff);
  }
}

/** FUTEX_WAIT_REQUEUE_PI */
export function waitRequeuePi(
  task: Task,
  from: PiPlace,
  to: PiPlace,
  what: { value: number; deadlineNs: number },
): Result {
  const { futexes } = task.kernel.tasks;
  const waiter = new RequeueWaiter(from.key, to.key, new PiWaiter(task, to.at));
  futexes.add(waiter);
  try {
    if (task.memory.readU32(from.at) === what.value) return sleepUntilOwner(task, waiter, what.deadlineNs);
  } catch (e) {
    futexes.remove(waiter);
    throw e;
  }
  futexes.remove(waiter);
  return fail(E.EAGAIN);
}

function* sleepUntilOwner(task: Task, waiter: RequeueWaiter, deadlineNs: number): Blocking<Outcome> {
  const { futexes, piLocks } = task.kernel.tasks;
  const { lockWaiter } = waiter;
  try {
    const how = yield {
      deadlineNs,
      interruptible: true,
      arm(wake) {
        waiter.wake = wake;
        lockWaiter.wake = wake;
        if (waiter.woken || lockWaiter.granted) wake();
        return () => {
          waiter.wake = undefined;
          lockWaiter.wake = undefined;
        };
      },
    };
    if (lockWaiter.granted) return 0;
    if (how === 'timedOut') return fail(E.ETIMEDOUT);
    return how === 'interrupted' && !lockWaiter.lock ? RESTART_ALWAYS : fail(E.EAGAIN);
  } finally {
    futexes.remove(waiter);
    if (!lockWaiter.granted) piLocks.cancel(lockWaiter);
  }
}

/** FUTEX_CMP_REQUEUE_PI: the first waiter gets the lock if it is free, the others wait for it. */
export function requeuePi(
  task: Task,
  from: PiPlace,
  to: PiPlace,
  what: { wake: number; move: number; value: number },
): Result {
  if (what.wake !== 1) return fail(E.EINVAL);
  if (task.memory.readU32(from.at) !== what.value) return fail(E.EAGAIN);
  const { futexes, piLocks } = task.kernel.tasks;
  let count = 0;
  for (const waiter of futexes.waitersAt(from.key)) {
    if (count >= what.wake + what.move) break;
    if (!(waiter instanceof RequeueWaiter)) return fail(E.EINVAL);
    const { target, lockWaiter } = waiter;
    if (target.space !== to.key.space || target.at !== to.key.at) return fail(E.EINVAL);
    const r = piLocks.lock(lockWaiter, to.key, 'wait');
    if (r instanceof Failure) return count > 0 ? count : r;
    futexes.remove(waiter);
    if (r === 'owned') lockWaiter.wake?.();
    count++;
  }
  return count;
}
