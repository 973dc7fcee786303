/** futex_waitv(2): waits for the first of several futexes. */
import { E } from '../../abi/errno.js';
import { FUTEX_PRIVATE_FLAG, FUTEX_WAITV_MAX, futexWaitv } from '../../abi/futex.js';
import { NR } from '../../abi/numbers.js';
import { CLOCK_MONOTONIC, CLOCK_REALTIME, timespec } from '../../abi/time.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { ALL_BITS, FutexWaiter } from '../futex/futex-table.js';
import {
  type Blocking,
  fail,
  type Outcome,
  RESTART_IF_SA_RESTART,
  type Result,
  SyscallError,
} from '../outcome.js';
import type { Task } from '../task/task.js';
import { deadlineOf, isValidTimespec } from '../time/clocks.js';
import { addr, clockId, structAt, uint } from './codecs.js';
import { arg, syscall } from './declare.js';
import { futexKey } from './futex-key.js';

const FUTEX2_SIZE_MASK = 3;
const FUTEX2_SIZE_U32 = 2;

export const futexWaitvCalls = [
  syscall(
    NR.futex_waitv,
    'futex_waitv',
    [
      arg('waiters', addr),
      arg('nr_futexes', uint),
      arg('flags', uint),
      arg('timeout', structAt(timespec)),
      arg('clockid', clockId),
    ],
    { classes: ['ipc'] },
    waitv,
  ),
];

interface Waiting {
  readonly at: UserAddr;
  readonly value: number;
  readonly waiter: FutexWaiter;
}

function waitv(
  task: Task,
  at: UserAddr,
  count: number,
  flags: number,
  timeAt: UserAddr,
  clock: number,
): Result {
  if (flags !== 0 || count === 0 || count > FUTEX_WAITV_MAX || at === 0) return fail(E.EINVAL);
  let deadlineNs = Number.POSITIVE_INFINITY;
  if (timeAt !== 0) {
    if (clock !== CLOCK_MONOTONIC && clock !== CLOCK_REALTIME) return fail(E.EINVAL);
    const time = task.memory.readStruct(timespec, timeAt);
    if (!isValidTimespec(time)) return fail(E.EINVAL);
    deadlineNs = deadlineOf(task.kernel, clock, time);
  }
  const all: Waiting[] = [];
  for (let i = 0; i < count; i++) all.push(readOne(task, userAddr(at + i * futexWaitv.size)));
  return enqueue(task, all) ?? sleep(task, all, deadlineNs);
}

function readOne(task: Task, at: UserAddr): Waiting {
  const { val, uaddr, flags, reserved } = task.memory.readStruct(futexWaitv, at);
  const known = (flags & ~(FUTEX2_SIZE_MASK | FUTEX_PRIVATE_FLAG)) === 0 && reserved === 0;
  if (!known || (flags & FUTEX2_SIZE_MASK) !== FUTEX2_SIZE_U32) throw new SyscallError(E.EINVAL);
  const place = userAddr(uaddr);
  const key = futexKey(task, place, flags & FUTEX_PRIVATE_FLAG ? 'private' : 'shared');
  return { at: place, value: val % 2 ** 32, waiter: new FutexWaiter(key, ALL_BITS) };
}

/** All are in their queues before the first word is looked at: no wake-up is lost. */
function enqueue(task: Task, all: readonly Waiting[]): Result | undefined {
  const { futexes } = task.kernel.tasks;
  for (const { waiter } of all) futexes.add(waiter);
  let kept = false;
  try {
    kept = all.every(({ at, value }) => task.memory.readU32(at) === value);
    return kept ? undefined : fail(E.EAGAIN);
  } finally {
    if (!kept) for (const { waiter } of all) futexes.remove(waiter);
  }
}

function* sleep(task: Task, all: readonly Waiting[], deadlineNs: number): Blocking<Outcome> {
  const woken = (): number => all.findIndex(({ waiter }) => waiter.woken);
  try {
    const how = yield {
      deadlineNs,
      interruptible: true,
      arm(wake) {
        for (const { waiter } of all) waiter.wake = wake;
        if (woken() >= 0) wake();
        return () => {
          for (const { waiter } of all) waiter.wake = undefined;
        };
      },
    };
    const first = woken();
    if (first >= 0) return first;
    return how === 'timedOut' ? fail(E.ETIMEDOUT) : RESTART_IF_SA_RESTART;
  } finally {
    for (const { waiter } of all) if (!waiter.woken) task.kernel.tasks.futexes.remove(waiter);
  }
}
