/**
 * poll(2), ppoll(2), select(2), pselect6(2).
 *
 * A wait listens to every file first and looks at them afterwards, so no change is missed; while it
 * waits it holds a reference to each, so that a descriptor that another thread closes stays valid.
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { O_PATH } from '../../abi/open.js';
import { POLLERR, POLLHUP, POLLNVAL } from '../../abi/poll.js';
import { RLIMIT } from '../../abi/resource.js';
import { timespec, timeval } from '../../abi/time.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { anyOf, type Watched } from '../fs/any-of.js';
import {
  type Blocking,
  type Failure,
  fail,
  type Outcome,
  RESTART_UNLESS_HANDLED,
  Restart,
  type Result,
} from '../outcome.js';
import { hasDeliverable } from '../signal/send.js';
import type { Task } from '../task/task.js';
import { block, ERR, HUP, IN, OUT, PRI, RDBAND, RDNORM, WOULD_BLOCK, WRBAND, WRNORM } from '../wait.js';
import { addr, int, size, structAt, uint } from './codecs.js';
import { arg, syscall } from './declare.js';
import {
  type Deadline,
  deadlineOfMs,
  deadlineOfTimespec,
  deadlineOfTimeval,
  enterMask,
  writeTimespecLeft,
  writeTimevalLeft,
} from './wait-arguments.js';

const ALWAYS = POLLERR | POLLHUP;
const NOTHING_YET = 0;

export const pollCalls = [
  syscall(
    NR.poll,
    'poll',
    [arg('fds', addr), arg('nfds', uint), arg('timeout', int)],
    { classes: ['desc'] },
    (task, fds, nfds, timeout) => poll(task, fds, nfds, deadlineOfMs(task, timeout)),
  ),
  syscall(
    NR.ppoll,
    'ppoll',
    [
      arg('fds', addr),
      arg('nfds', uint),
      arg('tmo_p', structAt(timespec)),
      arg('sigmask', addr),
      arg('sigsetsize', size),
    ],
    { classes: ['desc'] },
    (task, fds, nfds, timeout, mask, maskSize) => {
      const deadline = deadlineOfTimespec(task, timeout);
      enterMask(task, mask, maskSize);
      const result = pollOnce(task, fds, nfds, deadline);
      return afterwards(result, () => writeTimespecLeft(task, timeout, deadline));
    },
  ),
  syscall(
    NR.select,
    'select',
    [
      arg('nfds', int),
      arg('readfds', addr),
      arg('writefds', addr),
      arg('exceptfds', addr),
      arg('timeout', structAt(timeval)),
    ],
    { classes: ['desc'] },
    (task, nfds, readfds, writefds, exceptfds, timeout) => {
      const deadline = deadlineOfTimeval(task, timeout);
      const result = select(task, nfds, [readfds, writefds, exceptfds], deadline);
      return afterwards(result, () => writeTimevalLeft(task, timeout, deadline));
    },
  ),
  syscall(
    NR.pselect6,
    'pselect6',
    [
      arg('nfds', int),
      arg('readfds', addr),
      arg('writefds', addr),
      arg('exceptfds', addr),
      arg('timeout', structAt(timespec)),
      arg('sig', addr),
    ],
    { classes: ['desc'] },
    (task, nfds, readfds, writefds, exceptfds, timeout, sig) => {
      const mask = sig === 0 ? 0 : task.memory.readU64(sig);
      const maskSize = sig === 0 ? 0 : task.memory.readU64(userAddr(sig + 8));
      const deadline = deadlineOfTimespec(task, timeout);
      enterMask(task, userAddr(mask), maskSize);
      const result = select(task, nfds, [readfds, writefds, exceptfds], deadline);
      return afterwards(result, () => writeTimespecLeft(task, timeout, deadline));
    },
  ),
];

/** poll goes on with what is left of its time after a stop; a handler ends it with EINTR. */
function poll(task: Task, fds: UserAddr, nfds: number, deadline: Deadline): Result {
  const result = pollOnce(task, fds, nfds, deadline);
  const again = new Restart('block', deadline);
  if (typeof result === 'object' && 'next' in result) return replaceRestart(result, again);
  return result instanceof Restart ? again : result;
}

function* replaceRestart(call: Blocking<Outcome>, again: Restart): Blocking<Outcome> {
  const outcome = yield* call;
  return outcome instanceof Restart ? again : outcome;
}

/** Runs `last` when the call is over, whatever came of it. */
function afterwards(result: Result, last: () => void): Result {
  if (typeof result === 'object' && 'next' in result) return lastly(result, last);
  last();
  return result;
}

function* lastly(call: Blocking<Outcome>, last: () => void): Blocking<Outcome> {
  const outcome = yield* call;
  last();
  return outcome;
}

// --- poll ---

const POLLFD_SIZE = 8;

function pollOnce(task: Task, fds: UserAddr, nfds: number, deadline: Deadline): Result {
  if (nfds > task.group.limits.number(RLIMIT.NOFILE)) return fail(E.EINVAL);
  const bytes = task.memory.readBytes(fds, nfds * POLLFD_SIZE);
  const entries = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const watched: Watched[] = [];
  const found: (Watched | undefined)[] = [];
  for (let i = 0; i < nfds; i++) {
    const fd = entries.getInt32(i * POLLFD_SIZE, true);
    const mask = entries.getInt16(i * POLLFD_SIZE + 4, true) | ALWAYS;
    const file = fd < 0 ? undefined : openFile(task, fd);
    const one = file && { file, mask };
    found.push(one);
    if (one) watched.push(one);
  }
  /** Looks at all of them and reports in the entries; how many have something. */
  const look = (): number => {
    let count = 0;
    for (let i = 0; i < nfds; i++) {
      const one = found[i];
      const missing = entries.getInt32(i * POLLFD_SIZE, true) < 0 ? 0 : POLLNVAL;
      const events = one ? one.file.readiness() & one.mask : missing;
      if (events !== 0) count++;
      revents[i] = events;
    }
    return count;
  };
  const revents = new Int16Array(nfds);
  const report = (count: number): Outcome => {
    writeRevents(task, fds, entries, revents);
    return count;
  };
  return waitFor(task, watched, look, report, deadline);
}

/** Only revents is written, and only where it changes: the rest is the guest's. */
function writeRevents(task: Task, fds: UserAddr, before: DataView, revents: Int16Array): void {
  const word = new Uint8Array(2);
  revents.forEach((events, i) => {
    const at = i * POLLFD_SIZE + 6;
    if (before.getInt16(at, true) === events) return;
    word[0] = events & 0xff;
    word[1] = (events >> 8) & 0xff;
    task.memory.write(userAddr(fds + at), word);
  });
}

// --- select ---

/** Which events each of select's three sets is about. */
const SELECTED = [IN | RDNORM | RDBAND | HUP | ERR, OUT | WRNORM | WRBAND | ERR, PRI] as const;
/** Linux looks at no more bits than the descriptor table has room for. */
const LEAST_TABLE = 1024;

function select(task: Task, nfds: number, sets: readonly UserAddr[], deadline: Deadline): Result {
  if (nfds < 0) return fail(E.EINVAL);
  const n = Math.min(nfds, Math.max(LEAST_TABLE, Math.ceil(task.files.end / 64) * 64));
  const length = Math.ceil(n / 64) * 8;
  const wanted = sets.map((at) => (at === 0 ? undefined : task.memory.readBytes(at, length)));
  const watched = selectedFiles(task, n, wanted);
  if (!Array.isArray(watched)) return watched;
  const results = wanted.map((set) => set && new Uint8Array(length));
  const look = (): number => {
    for (const set of results) set?.fill(0);
    let count = 0;
    for (const { fd, file } of watched) {
      const ready = file.readiness();
      for (let i = 0; i < SELECTED.length; i++) {
        const result = results[i];
        if (!result || !hasBit(wanted[i], fd) || ((SELECTED[i] ?? 0) & ready) === 0) continue;
        result[fd >> 3] = (result[fd >> 3] ?? 0) | (1 << (fd & 7));
        count++;
      }
    }
    return count;
  };
  const report = (count: number): Outcome => {
    results.forEach((result, i) => {
      const at = sets[i];
      if (result && at !== undefined) task.memory.write(at, result);
    });
    return count;
  };
  return waitFor(task, watched, look, report, deadline);
}

interface Selected extends Watched {
  readonly fd: number;
}

function selectedFiles(
  task: Task,
  n: number,
  wanted: readonly (Uint8Array | undefined)[],
): Selected[] | Failure {
  const selected: Selected[] = [];
  for (let fd = 0; fd < n; fd++) {
    let mask = 0;
    for (let i = 0; i < SELECTED.length; i++) if (hasBit(wanted[i], fd)) mask |= SELECTED[i] ?? 0;
    if (mask === 0) continue;
    const file = openFile(task, fd);
    if (!file) return fail(E.EBADF);
    selected.push({ fd, file, mask });
  }
  return selected;
}

function hasBit(set: Uint8Array | undefined, bit: number): boolean {
  return set !== undefined && (((set[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
}

// --- Both ---

function openFile(task: Task, fd: number) {
  const file = task.files.get(fd);
  return file && (file.flags & O_PATH) === 0 ? file : undefined;
}

/** Reports at once when something is ready or the time is over, else waits. */
function waitFor(
  task: Task,
  watched: readonly Watched[],
  look: () => number,
  report: (count: number) => Outcome,
  deadline: Deadline,
): Result {
  const count = look();
  if (count > 0) return report(count);
  // A mask that just let a signal through: the signal comes before the end of the time.
  if (hasDeliverable(task)) return RESTART_UNLESS_HANDLED;
  if (deadline <= task.kernel.clock.monotonic()) return report(NOTHING_YET);
  return wait(watched, look, report, deadline);
}

function* wait(
  watched: readonly Watched[],
  look: () => number,
  report: (count: number) => Outcome,
  deadlineNs: Deadline,
): Blocking<Outcome> {
  for (const { file } of watched) file.retain();
  try {
    const attempt = (): number | typeof WOULD_BLOCK => look() || WOULD_BLOCK;
    const how = yield* block(anyOf(watched), 0, attempt, { deadlineNs });
    if (how === 'interrupted') return RESTART_UNLESS_HANDLED;
    return report(how === 'timedOut' ? NOTHING_YET : how);
  } finally {
    for (const { file } of watched) file.release();
  }
}
