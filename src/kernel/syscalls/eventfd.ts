/** eventfd(2), timerfd_create(2), memfd_create(2): files that stand for something in the kernel. */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from '../../abi/open.js';
import { EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE, eventfdFlags } from '../../abi/poll.js';
import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  itimerspec,
} from '../../abi/time.js';
import { NS_PER_SEC, type Timespec } from '../../base/clock.js';
import { CAP, has } from '../auth/credentials.js';
import { EventFile } from '../fs/anon/eventfd.js';
import { TimerFile } from '../fs/anon/timerfd.js';
import { type Failure, fail } from '../outcome.js';
import type { Task } from '../task/task.js';
import { clockId, fd, flags, structAt, structOut, uint } from './codecs.js';
import { arg, syscall } from './declare.js';
import { memfdCalls } from './memfd.js';
import { newDescriptor } from './new-descriptor.js';

const TFD_TIMER_ABSTIME = 1;
const TFD_TIMER_CANCEL_ON_SET = 2;
const timerfdFlags = { TFD_CLOEXEC: O_CLOEXEC, TFD_NONBLOCK: O_NONBLOCK } as const;
const settimeFlags = { TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET } as const;

const CLOCKS: readonly number[] = [
  CLOCK_REALTIME,
  CLOCK_MONOTONIC,
  CLOCK_BOOTTIME,
  CLOCK_REALTIME_ALARM,
  CLOCK_BOOTTIME_ALARM,
];

export const eventfdCalls = [
  syscall(NR.eventfd, 'eventfd', [arg('initval', uint)], { classes: ['desc'] }, (task, initial) =>
    eventfd(task, initial, 0),
  ),
  syscall(
    NR.eventfd2,
    'eventfd2',
    [arg('initval', uint), arg('flags', flags(eventfdFlags))],
    { classes: ['desc'] },
    eventfd,
  ),
  syscall(
    NR.timerfd_create,
    'timerfd_create',
    [arg('clockid', clockId), arg('flags', flags(timerfdFlags))],
    { classes: ['desc'] },
    (task, clock, f) => {
      if ((f & ~(O_CLOEXEC | O_NONBLOCK)) !== 0 || !CLOCKS.includes(clock)) return fail(E.EINVAL);
      const alarm = clock === CLOCK_REALTIME_ALARM || clock === CLOCK_BOOTTIME_ALARM;
      if (alarm && !has(task.creds, CAP.WAKE_ALARM)) return fail(E.EPERM);
      const file = new TimerFile(task.kernel, O_RDWR | (f & O_NONBLOCK), clock);
      return newDescriptor(task, file, { closeOnExec: (f & O_CLOEXEC) !== 0 });
    },
  ),
  syscall(
    NR.timerfd_settime,
    'timerfd_settime',
    [
      arg('fd', fd),
      arg('flags', flags(settimeFlags)),
      arg('new_value', structAt(itimerspec)),
      arg('old_value', structOut(itimerspec)),
    ],
    { classes: ['desc'], note: 'TFD_TIMER_CANCEL_ON_SET: the realtime clock of guests is never set' },
    (task, descriptor, f, newAt, oldAt) => {
      const setting = task.memory.readStruct(itimerspec, newAt);
      const known = (f & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) === 0;
      if (!known || !isTime(setting.value) || !isTime(setting.interval)) return fail(E.EINVAL);
      const timer = task.files.require(descriptor);
      if (!(timer instanceof TimerFile)) return fail(E.EINVAL);
      const before = timer.set(setting, (f & TFD_TIMER_ABSTIME) !== 0 ? 'absolute' : 'relative');
      if (oldAt !== 0) task.memory.writeStruct(itimerspec, oldAt, before);
      return 0;
    },
  ),
  syscall(
    NR.timerfd_gettime,
    'timerfd_gettime',
    [arg('fd', fd), arg('curr_value', structOut(itimerspec))],
    { classes: ['desc'] },
    (task, descriptor, at) => {
      const timer = task.files.require(descriptor);
      if (!(timer instanceof TimerFile)) return fail(E.EINVAL);
      task.memory.writeStruct(itimerspec, at, timer.get());
      return 0;
    },
  ),
  ...memfdCalls,
];

function eventfd(task: Task, initial: number, f: number): number | Failure {
  if ((f & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK)) !== 0) return fail(E.EINVAL);
  const mode = (f & EFD_SEMAPHORE) !== 0 ? 'semaphore' : 'counter';
  const file = new EventFile(task.kernel, f & EFD_NONBLOCK, BigInt(initial), mode);
  return newDescriptor(task, file, { closeOnExec: (f & EFD_CLOEXEC) !== 0 });
}

function isTime(t: Timespec): boolean {
  return t.sec >= 0 && t.nsec >= 0 && t.nsec < NS_PER_SEC;
}
