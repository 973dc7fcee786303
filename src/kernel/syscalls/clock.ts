/**
 * clock_gettime(2) and its family, gettimeofday(2), time(2), nanosleep(2), clock_nanosleep(2).
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_REALTIME,
  CLOCK_REALTIME_COARSE,
  CLOCK_TAI,
  CLOCK_THREAD_CPUTIME_ID,
  COARSE_RESOLUTION_NS,
  TIMER_ABSTIME,
  timerFlags,
  timespec,
  timeval,
  timezone,
} from '../../abi/time.js';
import type { UserAddr } from '../../base/brand.js';
import type { Timespec } from '../../base/clock.js';
import {
  type Blocking,
  Failure,
  fail,
  type Outcome,
  RESTART_UNLESS_HANDLED,
  Restart,
  type Result,
} from '../outcome.js';
import type { Task } from '../task/task.js';
import { cpuClockReader, deadlineOf, isValidTimespec, nsOf, readClock, timespecOf } from '../time/clocks.js';
import { CpuAlarm } from '../time/cpu-alarm.js';
import { resumedDeadline, sleepUntil } from '../wait.js';
import { clockId, flags, intOut, structAt, structIn, structOut } from './codecs.js';
import { arg, syscall } from './declare.js';

const NS_PER_USEC = 1000;
const USEC_PER_SEC = 1_000_000;

export const clockCalls = [
  syscall(
    NR.clock_gettime,
    'clock_gettime',
    [arg('clockid', clockId), arg('tp', structOut(timespec))],
    { classes: ['clock'] },
    (task, clock, at) => {
      const now = readClock(task, clock);
      if (now instanceof Failure) return now;
      task.memory.writeStruct(timespec, at, now);
      return 0;
    },
  ),
  syscall(
    NR.clock_getres,
    'clock_getres',
    [arg('clockid', clockId), arg('res', structOut(timespec))],
    { classes: ['clock'] },
    (task, clock, at) => {
      const now = readClock(task, clock);
      if (now instanceof Failure) return now;
      if (at !== 0)
        task.memory.writeStruct(timespec, at, { sec: 0, nsec: isCoarse(clock) ? COARSE_RESOLUTION_NS : 1 });
      return 0;
    },
  ),
  syscall(
    NR.clock_settime,
    'clock_settime',
    [arg('clockid', clockId), arg('tp', structAt(timespec))],
    { classes: ['clock'], support: 'partial', note: 'EPERM: the time of a sandbox cannot be set' },
    (task, clock, at) => {
      if (clock !== CLOCK_REALTIME) return fail(E.EINVAL);
      const time = task.memory.readStruct(timespec, at);
      return fail(isValidTimespec(time) ? E.EPERM : E.EINVAL);
    },
  ),
  syscall(
    NR.gettimeofday,
    'gettimeofday',
    [arg('tv', structOut(timeval)), arg('tz', structOut(timezone))],
    { classes: ['clock'] },
    (task, tv, tz) => {
      const { sec, nsec } = task.kernel.clock.realtime();
      if (tv !== 0) task.memory.writeStruct(timeval, tv, { sec, usec: Math.floor(nsec / NS_PER_USEC) });
      if (tz !== 0) task.memory.writeStruct(timezone, tz, { minuteswest: 0, dsttime: 0 });
      return 0;
    },
  ),
  syscall(
    NR.settimeofday,
    'settimeofday',
    [arg('tv', structAt(timeval)), arg('tz', structAt(timezone))],
    { classes: ['clock'], support: 'partial', note: 'EPERM: the time of a sandbox cannot be set' },
    (task, tv, tz) => {
      if (tv !== 0) {
        const { usec } = task.memory.readStruct(timeval, tv);
        if (usec < 0 || usec >= USEC_PER_SEC) return fail(E.EINVAL);
      }
      if (tz !== 0) task.memory.readStruct(timezone, tz);
      return fail(E.EPERM);
    },
  ),
  syscall(NR.time, 'time', [arg('tloc', intOut)], { classes: ['clock'] }, (task, at) => {
    const { sec } = task.kernel.clock.realtime();
    if (at !== 0) task.memory.writeU64(at, sec);
    return sec;
  }),
  syscall(
    NR.nanosleep,
    'nanosleep',
    [arg('duration', structIn(timespec)), arg('rem', structOut(timespec))],
    { classes: ['clock'] },
    (task, duration, rem) => (isValidTimespec(duration) ? sleepFor(task, duration, rem) : fail(E.EINVAL)),
  ),
  syscall(
    NR.clock_nanosleep,
    'clock_nanosleep',
    [
      arg('clockid', clockId),
      arg('flags', flags(timerFlags)),
      arg('t', structAt(timespec)),
      arg('remain', structOut(timespec)),
    ],
    { classes: ['clock'] },
    clockNanosleep,
  ),
];

function isCoarse(clock: number): boolean {
  return clock === CLOCK_REALTIME_COARSE || clock === CLOCK_MONOTONIC_COARSE;
}

function clockNanosleep(task: Task, clock: number, how: number, at: UserAddr, rem: UserAddr): Result {
  const refused = notForSleep(task, clock);
  if (refused) return refused;
  const time = task.memory.readStruct(timespec, at);
  if (!isValidTimespec(time)) return fail(E.EINVAL);
  const cpu = cpuClockReader(task, clock);
  if (cpu) {
    const start = how & TIMER_ABSTIME ? 0 : (cpu() ?? 0);
    return sleepOnCpuClock(task, cpu, resumedDeadline(task, nsOf(time) + start));
  }
  if ((how & TIMER_ABSTIME) === 0) return sleepFor(task, time, rem);
  return sleepTo(deadlineOf(task.kernel, clock, time), () => RESTART_UNLESS_HANDLED);
}

function notForSleep(task: Task, clock: number): Failure | undefined {
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI:
      return undefined;
    case CLOCK_THREAD_CPUTIME_ID:
      return fail(E.EINVAL);
    default: {
      const known = readClock(task, clock);
      if (known instanceof Failure) return known;
      return cpuClockReader(task, clock) ? undefined : fail(E.EOPNOTSUPP);
    }
  }
}

/** Until others have used so much CPU time. What a signal interrupts is not gone on with. */
function* sleepOnCpuClock(task: Task, read: () => number | undefined, deadlineNs: number): Blocking<Outcome> {
  const alarm = new CpuAlarm(task.kernel, read);
  try {
    const how = yield {
      deadlineNs: Number.POSITIVE_INFINITY,
      interruptible: true,
      resume: () => ({ deadlineNs }),
      arm(wake) {
        alarm.set(deadlineNs, wake);
        return () => alarm.cancel();
      },
    };
    return how === 'interrupted' ? RESTART_UNLESS_HANDLED : 0;
  } finally {
    alarm.cancel();
  }
}

function sleepFor(task: Task, duration: Timespec, rem: UserAddr): Result {
  return sleepRelative(task, resumedDeadline(task, task.kernel.clock.monotonic() + nsOf(duration)), rem);
}

/** A relative sleep that a signal interrupts says what is left, and goes on to the same instant. */
function sleepRelative(task: Task, deadlineNs: number, rem: UserAddr): Blocking<Outcome> {
  return sleepTo(deadlineNs, () => {
    const left = deadlineNs - task.kernel.clock.monotonic();
    if (left <= 0) return 0;
    if (rem !== 0) task.memory.writeStruct(timespec, rem, timespecOf(left));
    return new Restart('block', deadlineNs);
  });
}

function* sleepTo(deadlineNs: number, interrupted: () => Outcome): Blocking<Outcome> {
  for (;;) {
    const how = yield sleepUntil(deadlineNs);
    if (how === 'timedOut') return 0;
    if (how === 'interrupted') return interrupted();
  }
}
