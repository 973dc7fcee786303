/** epoll_create(2), epoll_ctl(2), epoll_wait(2) and its variants. */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  epollEvent,
  epollFlags,
  epollOperations,
} from '../../abi/poll.js';
import { timespec } from '../../abi/time.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { EpollFile } from '../fs/anon/epoll.js';
import type { Interest } from '../fs/anon/epoll-item.js';
import type { FileDescription } from '../fs/file-description.js';
import { type Blocking, type Failure, fail, type Outcome, type Result } from '../outcome.js';
import { hasDeliverable } from '../signal/send.js';
import type { Task } from '../task/task.js';
import { block, IN, WOULD_BLOCK } from '../wait.js';
import { addr, choice, fd, flags, int, size, structAt } from './codecs.js';
import { arg, syscall } from './declare.js';
import { newDescriptor } from './new-descriptor.js';
import { type Deadline, deadlineOfMs, deadlineOfTimespec, enterMask } from './wait-arguments.js';

/** INT_MAX over the size of an event. */
const MAX_EVENTS = Math.floor(0x7fff_ffff / epollEvent.size);
/** No wait reports more in one go; Linux would, a page at a time, and nobody asks for it. */
const BATCH = 4096;

const exclusiveNote = 'EPOLLEXCLUSIVE wakes every epoll that watches; EPOLLWAKEUP has no effect';

export const epollCalls = [
  syscall(NR.epoll_create, 'epoll_create', [arg('size', int)], { classes: ['desc'] }, (task, sizeHint) =>
    sizeHint <= 0 ? fail(E.EINVAL) : create(task, 0),
  ),
  syscall(
    NR.epoll_create1,
    'epoll_create1',
    [arg('flags', flags(epollFlags))],
    { classes: ['desc'] },
    (task, f) => ((f & ~EPOLL_CLOEXEC) !== 0 ? fail(E.EINVAL) : create(task, f)),
  ),
  syscall(
    NR.epoll_ctl,
    'epoll_ctl',
    [arg('epfd', fd), arg('op', choice(epollOperations)), arg('fd', fd), arg('event', structAt(epollEvent))],
    { classes: ['desc'], note: exclusiveNote },
    control,
  ),
  syscall(
    NR.epoll_wait,
    'epoll_wait',
    [arg('epfd', fd), arg('events', addr), arg('maxevents', int), arg('timeout', int)],
    { classes: ['desc'] },
    (task, epfd, events, max, timeout) => waitEvents(task, epfd, events, max, deadlineOfMs(task, timeout)),
  ),
  syscall(
    NR.epoll_pwait,
    'epoll_pwait',
    [
      arg('epfd', fd),
      arg('events', addr),
      arg('maxevents', int),
      arg('timeout', int),
      arg('sigmask', addr),
      arg('sigsetsize', size),
    ],
    { classes: ['desc'] },
    (task, epfd, events, max, timeout, mask, maskSize) => {
      enterMask(task, mask, maskSize);
      return waitEvents(task, epfd, events, max, deadlineOfMs(task, timeout));
    },
  ),
  syscall(
    NR.epoll_pwait2,
    'epoll_pwait2',
    [
      arg('epfd', fd),
      arg('events', addr),
      arg('maxevents', int),
      arg('timeout', structAt(timespec)),
      arg('sigmask', addr),
      arg('sigsetsize', size),
    ],
    { classes: ['desc'] },
    (task, epfd, events, max, timeout, mask, maskSize) => {
      const deadline = deadlineOfTimespec(task, timeout);
      enterMask(task, mask, maskSize);
      return waitEvents(task, epfd, events, max, deadline);
    },
  ),
];

function create(task: Task, f: number): number | Failure {
  return newDescriptor(task, new EpollFile(task.kernel), { closeOnExec: (f & EPOLL_CLOEXEC) !== 0 });
}

function control(task: Task, epfd: number, op: number, target: number, at: UserAddr): Result {
  const interest = op === EPOLL_CTL_DEL ? undefined : readInterest(task, at);
  const epoll = task.files.require(epfd);
  const file = task.files.require(target);
  if (!file.pollable) return fail(E.EPERM);
  if (file === epoll || !(epoll instanceof EpollFile)) return fail(E.EINVAL);
  return change(epoll, op, target, file, interest) ?? 0;
}

function change(
  epoll: EpollFile,
  op: number,
  target: number,
  file: FileDescription,
  interest: Interest | undefined,
): Failure | undefined {
  if (!interest) return epoll.delete(target, file);
  switch (op) {
    case EPOLL_CTL_ADD:
      return epoll.add(target, file, interest);
    case EPOLL_CTL_MOD:
      return epoll.modify(target, file, interest);
    default:
      return fail(E.EINVAL);
  }
}

function readInterest(task: Task, at: UserAddr): Interest {
  const view = new DataView(task.memory.readBytes(at, epollEvent.size).buffer);
  return {
    events: view.getUint32(0, true),
    dataLo: view.getUint32(4, true),
    dataHi: view.getUint32(8, true),
  };
}

function waitEvents(task: Task, epfd: number, at: UserAddr, max: number, deadline: Deadline): Result {
  if (max <= 0 || max > MAX_EVENTS) return fail(E.EINVAL);
  const epoll = task.files.require(epfd);
  if (at + max * epollEvent.size > task.memory.limit) return fail(E.EFAULT);
  if (!(epoll instanceof EpollFile)) return fail(E.EINVAL);
  const count = report(task, epoll, at, max);
  if (count !== 0) return count;
  if (hasDeliverable(task)) return fail(E.EINTR);
  if (deadline <= task.kernel.clock.monotonic()) return 0;
  return sleep(task, epoll, at, max, deadline);
}

function* sleep(
  task: Task,
  epoll: EpollFile,
  at: UserAddr,
  max: number,
  deadlineNs: Deadline,
): Blocking<Outcome> {
  epoll.retain();
  try {
    const attempt = (): number | typeof WOULD_BLOCK => report(task, epoll, at, max) || WOULD_BLOCK;
    const how = yield* block(epoll, IN, attempt, { deadlineNs });
    // Never restarted, whatever the signal does: signal(7).
    if (how === 'interrupted') return fail(E.EINTR);
    return how === 'timedOut' ? 0 : how;
  } finally {
    epoll.release();
  }
}

/** Ready events into guest memory: how many. */
function report(task: Task, epoll: EpollFile, at: UserAddr, max: number): number {
  if (epoll.readyHint === 0) return 0;
  const bytes = new Uint8Array(Math.min(max, BATCH, epoll.readyHint) * epollEvent.size);
  const view = new DataView(bytes.buffer);
  let end = 0;
  const count = epoll.collect(bytes.length / epollEvent.size, (events, dataLo, dataHi) => {
    view.setUint32(end, events, true);
    view.setUint32(end + 4, dataLo, true);
    view.setUint32(end + 8, dataHi, true);
    end += epollEvent.size;
  });
  if (count > 0) task.memory.write(userAddr(at), bytes.subarray(0, end));
  return count;
}
