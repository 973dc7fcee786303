/** timer_create(2), timer_settime(2), timer_gettime(2), timer_getoverrun(2), timer_delete(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { RLIMIT } from '../../abi/resource.js';
import { NSIG, SIG, SIGEV, sigevent } from '../../abi/signal.js';
import {
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_REALTIME_ALARM,
  CLOCK_REALTIME_COARSE,
  itimerspec,
  TIMER_ABSTIME,
  timerFlags,
} from '../../abi/time.js';
import type { UserAddr } from '../../base/brand.js';
import { CAP, has } from '../auth/credentials.js';
import { Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { cpuClockReader, isValidTimespec, readClock, timespecOf } from '../time/clocks.js';
import { PosixTimer, type TimerRequest, type TimerTime } from '../time/posix-timer.js';
import { clockId, flags, int, intOut, structAt, structOut } from './codecs.js';
import { arg, syscall } from './declare.js';

const clock = { classes: ['clock'] } as const;

export const posixTimerCalls = [
  syscall(
    NR.timer_create,
    'timer_create',
    [arg('clockid', clockId), arg('sevp', structAt(sigevent)), arg('timerid', intOut)],
    clock,
    create,
  ),
  syscall(
    NR.timer_settime,
    'timer_settime',
    [
      arg('timerid', int),
      arg('flags', flags(timerFlags)),
      arg('new_value', structAt(itimerspec)),
      arg('old_value', structOut(itimerspec)),
    ],
    clock,
    (task, id, how, newAt, oldAt) => {
      if (newAt === 0) return fail(E.EINVAL);
      const { value, interval } = task.memory.readStruct(itimerspec, newAt);
      const timer = task.group.timers.get(id);
      if (!timer || !isValidTimespec(value) || !isValidTimespec(interval)) return fail(E.EINVAL);
      const before = timer.set(value, interval, how & TIMER_ABSTIME ? 'absolute' : 'relative');
      if (oldAt !== 0) task.memory.writeStruct(itimerspec, oldAt, toItimerspec(before));
      return 0;
    },
  ),
  syscall(
    NR.timer_gettime,
    'timer_gettime',
    [arg('timerid', int), arg('curr_value', structOut(itimerspec))],
    clock,
    (task, id, at) => {
      const timer = task.group.timers.get(id);
      if (!timer) return fail(E.EINVAL);
      task.memory.writeStruct(itimerspec, at, toItimerspec(timer.get()));
      return 0;
    },
  ),
  syscall(
    NR.timer_getoverrun,
    'timer_getoverrun',
    [arg('timerid', int)],
    clock,
    (task, id) => task.group.timers.get(id)?.overrun ?? fail(E.EINVAL),
  ),
  syscall(NR.timer_delete, 'timer_delete', [arg('timerid', int)], clock, (task, id) =>
    task.group.timers.delete(id) ? 0 : fail(E.EINVAL),
  ),
];

function create(task: Task, id: number, eventAt: UserAddr, idAt: UserAddr): Result {
  const refused = checkClock(task, id);
  if (refused) return refused;
  const request = eventAt === 0 ? undefined : readRequest(task, eventAt);
  if (request instanceof Failure) return request;
  const { group, kernel } = task;
  if (group.timers.size >= group.limits.number(RLIMIT.SIGPENDING)) return fail(E.EAGAIN);
  const usual = { notify: SIGEV.SIGNAL, signo: SIG.ALRM, thread: undefined };
  const timer = group.timers.add(
    (number) =>
      new PosixTimer(
        kernel,
        group,
        number,
        { id, cpu: cpuClockReader(task, id) },
        request ?? { ...usual, value: { lo: number, hi: 0 } },
      ),
  );
  try {
    task.memory.writeU32(idAt, timer.id);
  } catch (e) {
    group.timers.delete(timer.id);
    throw e;
  }
  return 0;
}

/** Which clocks can drive a timer. */
function checkClock(task: Task, id: number): Failure | undefined {
  switch (id) {
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_REALTIME_COARSE:
      return fail(E.EOPNOTSUPP);
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
      return has(task.creds, CAP.WAKE_ALARM) ? undefined : fail(E.EPERM);
    default: {
      const known = readClock(task, id);
      return known instanceof Failure ? known : undefined;
    }
  }
}

/** good_sigevent */
function readRequest(task: Task, at: UserAddr): TimerRequest | Failure {
  const { valueLo, valueHi, signo, notify, tid } = task.memory.readStruct(sigevent, at);
  let thread: Task | undefined;
  switch (notify) {
    case SIGEV.SIGNAL | SIGEV.THREAD_ID:
      thread = task.kernel.tasks.byTid(tid);
      if (thread?.group !== task.group) return fail(E.EINVAL);
      break;
    case SIGEV.SIGNAL:
    case SIGEV.THREAD:
    case SIGEV.NONE:
      break;
    default:
      return fail(E.EINVAL);
  }
  if (notify !== SIGEV.NONE && (signo <= 0 || signo > NSIG)) return fail(E.EINVAL);
  return { notify, signo, value: { lo: valueLo, hi: valueHi }, thread };
}

function toItimerspec({ remainingNs, intervalNs }: TimerTime): {
  interval: { sec: number; nsec: number };
  value: { sec: number; nsec: number };
} {
  return { interval: timespecOf(intervalNs), value: timespecOf(remainingNs) };
}
