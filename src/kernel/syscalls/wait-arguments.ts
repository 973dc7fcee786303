/** What poll, select and epoll_wait have in common: timeouts and temporary signal masks. */
import { E } from '../../abi/errno.js';
import { SIGSET_SIZE } from '../../abi/signal.js';
import { timespec, timeval } from '../../abi/time.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { NS_PER_SEC } from '../../base/clock.js';
import { SyscallError } from '../outcome.js';
import { setTemporaryMask } from '../signal/send.js';
import type { Task } from '../task/task.js';
import { resumedDeadline } from '../wait.js';

const NS_PER_MS = 1_000_000;
const NS_PER_US = 1_000;
const US_PER_SEC = 1_000_000;

/** When to give up, as a monotonic instant: Infinity for never; at or before now: do not wait. */
export type Deadline = number;

/** poll's and epoll_wait's timeout: negative is for ever. */
export function deadlineOfMs(task: Task, ms: number): Deadline {
  if (ms < 0) return Number.POSITIVE_INFINITY;
  return after(task, ms * NS_PER_MS);
}

/** From a struct timespec, NULL for ever; EINVAL when it is no time. */
export function deadlineOfTimespec(task: Task, at: UserAddr): Deadline {
  if (at === 0) return Number.POSITIVE_INFINITY;
  const { sec, nsec } = task.memory.readStruct(timespec, at);
  if (sec < 0 || nsec < 0 || nsec >= NS_PER_SEC) throw new SyscallError(E.EINVAL);
  return after(task, sec * NS_PER_SEC + nsec);
}

/** From select's struct timeval, whose microseconds may be more than a second's. */
export function deadlineOfTimeval(task: Task, at: UserAddr): Deadline {
  if (at === 0) return Number.POSITIVE_INFINITY;
  const { sec, usec } = task.memory.readStruct(timeval, at);
  const whole = sec + Math.trunc(usec / US_PER_SEC);
  const rest = usec % US_PER_SEC;
  if (whole < 0 || rest < 0) throw new SyscallError(E.EINVAL);
  return after(task, whole * NS_PER_SEC + rest * NS_PER_US);
}

function after(task: Task, durationNs: number): Deadline {
  return durationNs === 0 ? 0 : resumedDeadline(task, task.kernel.clock.monotonic() + durationNs);
}

/** Writes back what is left of the time. A fault does not matter any more: Linux ignores it too. */
export function writeTimespecLeft(task: Task, at: UserAddr, deadline: Deadline): void {
  if (at === 0) return;
  const left = timeLeft(task, deadline);
  const bytes = timespec.encode({ sec: Math.floor(left / NS_PER_SEC), nsec: left % NS_PER_SEC });
  task.memory.tryWrite(at, bytes);
}

export function writeTimevalLeft(task: Task, at: UserAddr, deadline: Deadline): void {
  if (at === 0) return;
  const us = Math.floor(timeLeft(task, deadline) / NS_PER_US);
  const bytes = timeval.encode({ sec: Math.floor(us / US_PER_SEC), usec: us % US_PER_SEC });
  task.memory.tryWrite(at, bytes);
}

function timeLeft(task: Task, deadline: Deadline): number {
  return Math.max(0, Math.floor(deadline - task.kernel.clock.monotonic()));
}

/** The mask of ppoll and its kin holds until the call is over; NULL leaves the task's own. */
export function enterMask(task: Task, at: UserAddr, size: number): void {
  if (at === 0) return;
  if (size !== SIGSET_SIZE) throw new SyscallError(E.EINVAL);
  const lo = task.memory.readU32(at);
  const hi = task.memory.readU32(userAddr(at + 4));
  setTemporaryMask(task, { lo, hi });
}
