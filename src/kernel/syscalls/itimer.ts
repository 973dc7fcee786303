/** alarm(2), getitimer(2), setitimer(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, itimers, itimerval } from '../../abi/time.js';
import { NS_PER_SEC } from '../../base/clock.js';
import { fail, type Result, SyscallError } from '../outcome.js';
import { getRealTimer, type RealTimer, setRealTimer } from '../signal/real-timer.js';
import type { Task } from '../task/task.js';
import { cpuTimerOf } from '../time/cpu-timer.js';
import { choice, structAt, structOut, uint } from './codecs.js';
import { arg, syscall } from './declare.js';

const NS_PER_USEC = 1000;
const USEC_PER_SEC = 1_000_000;

export const itimerCalls = [
  syscall(NR.alarm, 'alarm', [arg('seconds', uint)], { classes: ['clock'] }, ({ kernel, group }, seconds) => {
    const before = setRealTimer(kernel, group, { remainingNs: seconds * NS_PER_SEC, intervalNs: 0 });
    if (before.remainingNs === 0) return 0;
    // Rounded, but never to 0, which would say that none was set.
    return Math.max(1, Math.round(before.remainingNs / NS_PER_SEC));
  }),
  syscall(
    NR.getitimer,
    'getitimer',
    [arg('which', choice(itimers)), arg('curr_value', structOut(itimerval))],
    { classes: ['clock'] },
    (task, which, at): Result => {
      const timer = timerOf(task, which);
      if (!timer) return fail(E.EINVAL);
      task.memory.writeStruct(itimerval, at, toItimerval(timer.get()));
      return 0;
    },
  ),
  syscall(
    NR.setitimer,
    'setitimer',
    [
      arg('which', choice(itimers)),
      arg('new_value', structAt(itimerval)),
      arg('old_value', structOut(itimerval)),
    ],
    { classes: ['clock'] },
    (task, which, nextAt, oldAt): Result => {
      // Linux takes NULL for "disarm".
      const next =
        nextAt === 0
          ? { remainingNs: 0, intervalNs: 0 }
          : fromItimerval(task.memory.readStruct(itimerval, nextAt));
      const timer = timerOf(task, which);
      if (!timer) return fail(E.EINVAL);
      const before = timer.set(next);
      if (oldAt !== 0) task.memory.writeStruct(itimerval, oldAt, toItimerval(before));
      return 0;
    },
  ),
];

interface IntervalTimer {
  get(): RealTimer;
  set(next: RealTimer): RealTimer;
}

function timerOf({ kernel, group }: Task, which: number): IntervalTimer | undefined {
  switch (which) {
    case ITIMER_REAL:
      return { get: () => getRealTimer(kernel, group), set: (next) => setRealTimer(kernel, group, next) };
    case ITIMER_VIRTUAL:
      return cpuTimerOf(kernel, group, 'virtual');
    case ITIMER_PROF:
      return cpuTimerOf(kernel, group, 'prof');
    default:
      return undefined;
  }
}

interface Timeval {
  sec: number;
  usec: number;
}

function nanoseconds({ sec, usec }: Timeval): number {
  if (sec < 0 || usec < 0 || usec >= USEC_PER_SEC) throw new SyscallError(E.EINVAL);
  return sec * NS_PER_SEC + usec * NS_PER_USEC;
}

function fromItimerval({ interval, value }: { interval: Timeval; value: Timeval }): RealTimer {
  return { remainingNs: nanoseconds(value), intervalNs: nanoseconds(interval) };
}

function toTimeval(span: number): Timeval {
  const usec = Math.ceil(span / NS_PER_USEC);
  return { sec: Math.floor(usec / USEC_PER_SEC), usec: usec % USEC_PER_SEC };
}

function toItimerval({ remainingNs, intervalNs }: RealTimer): { interval: Timeval; value: Timeval } {
  return { interval: toTimeval(intervalNs), value: toTimeval(remainingNs) };
}
