/** utime(2), utimes(2), futimesat(2), utimensat(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, atFlags } from '../../abi/open.js';
import { timespec, timeval, utimbuf } from '../../abi/time.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import type { Timespec } from '../../base/clock.js';
import { changeTimes, type NewTimes } from '../fs/change.js';
import { contextOf } from '../fs/fs-context.js';
import { walk } from '../fs/walk.js';
import { Failure, fail, type Result, SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, dirfd, flags, path, pathOrNull, structAt } from './codecs.js';
import { arg, syscall } from './declare.js';

const UTIME_NOW = (1 << 30) - 1;
const UTIME_OMIT = (1 << 30) - 2;
const MAX_NSEC = 999_999_999;

export const utimeCalls = [
  syscall(
    NR.utime,
    'utime',
    [arg('filename', path), arg('times', structAt(utimbuf))],
    { classes: ['file'] },
    (task, name, at) => {
      if (at === 0) return setTimes(task, AT_FDCWD, name, now(task), 0);
      const { actime, modtime } = task.memory.readStruct(utimbuf, at);
      const times = { atime: { sec: actime, nsec: 0 }, mtime: { sec: modtime, nsec: 0 }, areNow: false };
      return setTimes(task, AT_FDCWD, name, times, 0);
    },
  ),
  syscall(
    NR.utimes,
    'utimes',
    [arg('filename', path), arg('times', addr)],
    { classes: ['file'] },
    (task, name, at) => setTimes(task, AT_FDCWD, name, readTimevals(task, at), 0),
  ),
  syscall(
    NR.futimesat,
    'futimesat',
    [arg('dirfd', dirfd), arg('pathname', pathOrNull), arg('times', addr)],
    { classes: ['file', 'desc'] },
    (task, dir, name, at) => setTimes(task, dir, name, readTimevals(task, at), 0),
  ),
  syscall(
    NR.utimensat,
    'utimensat',
    [arg('dirfd', dirfd), arg('pathname', pathOrNull), arg('times', addr), arg('flags', flags(atFlags))],
    { classes: ['file', 'desc'] },
    (task, dir, name, at, f) => {
      const times = readTimespecs(task, at);
      if (!times.atime && !times.mtime) return 0;
      return setTimes(task, dir, name, times, f);
    },
  ),
];

function setTimes(task: Task, dir: number, name: string | undefined, times: NewTimes, f: number): Result {
  if (f & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return fail(E.EINVAL);
  if (name === undefined && dir !== AT_FDCWD) {
    if (f !== 0) return fail(E.EINVAL);
    const file = task.files.require(dir);
    if (!file.path) return file.inode.setAttributes(changeOf(times)) ?? 0;
    return changeTimes(file.path, task.creds, times) ?? 0;
  }
  if (name === undefined) return fail(E.EFAULT);
  const place = walk(contextOf(task, dir, name), name, {
    followLast: !(f & AT_SYMLINK_NOFOLLOW),
    allowEmpty: (f & AT_EMPTY_PATH) !== 0,
  });
  return place instanceof Failure ? place : (changeTimes(place, task.creds, times) ?? 0);
}

function changeOf(times: NewTimes): { atime?: Timespec; mtime?: Timespec } {
  return {
    ...(times.atime && { atime: times.atime }),
    ...(times.mtime && { mtime: times.mtime }),
  };
}

function now(task: Task): NewTimes {
  const t = task.kernel.clock.realtime();
  return { atime: t, mtime: t, areNow: true };
}

function readTimevals(task: Task, at: UserAddr): NewTimes {
  if (at === 0) return now(task);
  const [atime, mtime] = [0, timeval.size].map((o) => {
    const { sec, usec } = task.memory.readStruct(timeval, userAddr(at + o));
    if (usec < 0 || usec >= 1_000_000) throw new SyscallError(E.EINVAL);
    return { sec, nsec: usec * 1000 };
  });
  return { atime, mtime, areNow: false };
}

function readTimespecs(task: Task, at: UserAddr): NewTimes {
  if (at === 0) return now(task);
  const a = task.memory.readStruct(timespec, at);
  const m = task.memory.readStruct(timespec, userAddr(at + timespec.size));
  const areNow = a.nsec === UTIME_NOW && m.nsec === UTIME_NOW;
  return { atime: readTime(task, a), mtime: readTime(task, m), areNow };
}

function readTime(task: Task, t: Timespec): Timespec | undefined {
  if (t.nsec === UTIME_OMIT) return undefined;
  if (t.nsec === UTIME_NOW) return task.kernel.clock.realtime();
  if (t.nsec < 0 || t.nsec > MAX_NSEC) throw new SyscallError(E.EINVAL);
  return { sec: t.sec, nsec: t.nsec };
}
