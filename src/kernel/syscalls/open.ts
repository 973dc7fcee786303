/** open(2), openat2(2), creat(2), close(2), close_range(2), truncate(2), fallocate(2). */
import { E } from '../../abi/errno.js';
import { isDirectory, isRegular, S_IFIFO, S_IFMT } from '../../abi/mode.js';
import { NR } from '../../abi/numbers.js';
import {
  AT_FDCWD,
  CLOSE_RANGE_CLOEXEC,
  CLOSE_RANGE_UNSHARE,
  closeRangeFlags,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  fallocateModes,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  openFlags,
  openHow,
  RESOLVE_BENEATH,
  RESOLVE_CACHED,
  RESOLVE_IN_ROOT,
} from '../../abi/open.js';
import { RLIMIT } from '../../abi/resource.js';
import type { UserAddr } from '../../base/brand.js';
import { dropSetIds, resize, truncatePath } from '../fs/change.js';
import type { FileDescription } from '../fs/file-description.js';
import { contextOf } from '../fs/fs-context.js';
import { openFile } from '../fs/vfs.js';
import { walk } from '../fs/walk.js';
import { type Blocking, Failure, fail, type Outcome, type Restart, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { dirfd, fd, flags, octalMode, offset, oflags, path, size, structAt, uint } from './codecs.js';
import { arg, syscall } from './declare.js';
import { newDescriptor } from './new-descriptor.js';
import { checkWritable, tooBig } from './transfer.js';

const FILE = { classes: ['file'] } as const;
const OPENS = { classes: ['desc', 'file'] } as const;

export const openCalls = [
  syscall(
    NR.open,
    'open',
    [arg('pathname', path), arg('flags', oflags), arg('mode', octalMode)],
    OPENS,
    (task, p, f, mode) => open(task, AT_FDCWD, p, f, mode),
  ),
  syscall(
    NR.openat,
    'openat',
    [arg('dirfd', dirfd), arg('pathname', path), arg('flags', oflags), arg('mode', octalMode)],
    OPENS,
    open,
  ),
  syscall(
    NR.openat2,
    'openat2',
    [arg('dirfd', dirfd), arg('pathname', path), arg('how', structAt(openHow)), arg('size', size)],
    OPENS,
    openat2,
  ),
  syscall(NR.creat, 'creat', [arg('pathname', path), arg('mode', octalMode)], OPENS, (task, p, mode) =>
    open(task, AT_FDCWD, p, O_CREAT | O_WRONLY | O_TRUNC, mode),
  ),
  syscall(NR.close, 'close', [arg('fd', fd)], { classes: ['desc'] }, (task, n) => task.files.close(n) ?? 0),
  syscall(
    NR.close_range,
    'close_range',
    [arg('first', uint), arg('last', uint), arg('flags', flags(closeRangeFlags))],
    { classes: ['desc'] },
    closeRange,
  ),
  syscall(NR.truncate, 'truncate', [arg('path', path), arg('length', offset)], FILE, truncate),
  syscall(
    NR.ftruncate,
    'ftruncate',
    [arg('fd', fd), arg('length', offset)],
    { classes: ['desc'] },
    ftruncate,
  ),
  syscall(
    NR.fallocate,
    'fallocate',
    [arg('fd', fd), arg('mode', flags(fallocateModes)), arg('offset', offset), arg('len', offset)],
    { classes: ['desc'], support: 'partial', note: 'not COLLAPSE_RANGE, INSERT_RANGE, UNSHARE_RANGE' },
    fallocate,
  ),
];

function open(task: Task, at: number, name: string, f: number, mode: number, resolve = 0): Result {
  const file = openFile(contextOf(task, at, name), name, f, mode, { resolve });
  if (file instanceof Failure) return file;
  const wait = file.finishOpen();
  const closeOnExec = (f & O_CLOEXEC) !== 0;
  return wait ? finishOpen(task, file, wait, closeOnExec) : newDescriptor(task, file, { closeOnExec });
}

/** A FIFO waits for its other side before there is a descriptor. */
function* finishOpen(
  task: Task,
  file: FileDescription,
  wait: Blocking<Failure | Restart | undefined>,
  closeOnExec: boolean,
): Blocking<Outcome> {
  let kept = false;
  try {
    const stopped = yield* wait;
    if (stopped) return stopped;
    kept = true;
    return newDescriptor(task, file, { closeOnExec });
  } finally {
    // Also when the task is killed while it waits.
    if (!kept) file.release();
  }
}

let validFlags = O_WRONLY | 3;
for (const bit of Object.values(openFlags)) validFlags |= bit;

/** Unlike open, openat2 refuses what it does not know. */
function openat2(task: Task, at: number, name: string, howAt: UserAddr, bytes: number): Result {
  if (bytes < openHow.size) return fail(E.EINVAL);
  if (bytes > 4096) return fail(E.E2BIG);
  const raw = task.memory.readBytes(howAt, bytes);
  if (raw.subarray(openHow.size).some((b) => b !== 0)) return fail(E.E2BIG);
  const how = openHow.decode(raw);
  if (how.flags >= 2 ** 32 || (how.flags & ~validFlags) !== 0) return fail(E.EINVAL);
  if (how.resolve & ~0x3f || how.resolve >= 2 ** 32) return fail(E.EINVAL);
  if (how.resolve & RESOLVE_BENEATH && how.resolve & RESOLVE_IN_ROOT) return fail(E.EINVAL);
  const creates = (how.flags & O_CREAT) !== 0 || (how.flags & O_TMPFILE) === O_TMPFILE;
  if (creates ? how.mode & ~0o7777 || how.mode >= 2 ** 32 : how.mode !== 0) return fail(E.EINVAL);
  if (how.flags & O_PATH && how.flags & ~(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
    return fail(E.EINVAL);
  }
  // What creates or truncates is not served from the cache alone.
  if (how.resolve & RESOLVE_CACHED && (creates || how.flags & O_TRUNC)) return fail(E.EAGAIN);
  return openIn(task, at, name, how.flags, how.mode, how.resolve);
}

/** With RESOLVE_BENEATH and RESOLVE_IN_ROOT the directory matters for absolute paths too. */
function openIn(task: Task, at: number, name: string, f: number, mode: number, resolve: number): Result {
  if (!(resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) || name === '') {
    return open(task, at, name, f, mode, resolve);
  }
  const ctx = contextOf(task, at, '.');
  const file = openFile(ctx, name, f, mode, { resolve });
  if (file instanceof Failure) return file;
  const wait = file.finishOpen();
  const closeOnExec = (f & O_CLOEXEC) !== 0;
  return wait ? finishOpen(task, file, wait, closeOnExec) : newDescriptor(task, file, { closeOnExec });
}

function closeRange(task: Task, first: number, last: number, f: number): Result {
  if (f & ~(CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE) || first > last) return fail(E.EINVAL);
  if (f & CLOSE_RANGE_UNSHARE && task.files.shared) {
    const shared = task.files;
    task.files = shared.fork();
    shared.release();
  }
  const { files } = task;
  const end = Math.min(last + 1, files.end);
  for (let n = first; n < end; n++) {
    if (f & CLOSE_RANGE_CLOEXEC) {
      if (files.get(n)) files.setCloseOnExec(n, true);
    } else {
      files.close(n);
    }
  }
  return 0;
}

function truncate(task: Task, name: string, length: number): Result {
  if (length < 0) return fail(E.EINVAL);
  const place = walk(contextOf(task, AT_FDCWD, name), name, { followLast: true });
  if (place instanceof Failure) return place;
  return (
    checkSizeLimit(task, place.dentry.inode.mode, length) ?? truncatePath(place, task.creds, length) ?? 0
  );
}

function ftruncate(task: Task, n: number, length: number): Result {
  if (length < 0) return fail(E.EINVAL);
  const file = task.files.require(n);
  const { inode } = file;
  if (!isRegular(inode.mode) || checkWritable(file)) return fail(E.EINVAL);
  return checkSizeLimit(task, inode.mode, length) ?? resize(inode, task.creds, length) ?? 0;
}

function checkSizeLimit(task: Task, mode: number, length: number): Failure | undefined {
  return isRegular(mode) && length > task.group.limits.number(RLIMIT.FSIZE) ? tooBig(task) : undefined;
}

function fallocate(task: Task, n: number, mode: number, at: number, length: number): Result {
  const file = task.files.require(n);
  if (at < 0 || length <= 0) return fail(E.EINVAL);
  if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) return fail(E.EOPNOTSUPP);
  const punch = (mode & FALLOC_FL_PUNCH_HOLE) !== 0;
  const zero = (mode & FALLOC_FL_ZERO_RANGE) !== 0;
  const keepSize = (mode & FALLOC_FL_KEEP_SIZE) !== 0;
  if (punch && (zero || !keepSize)) return fail(E.EOPNOTSUPP);
  if (checkWritable(file)) return fail(E.EBADF);
  const { inode } = file;
  if ((inode.mode & S_IFMT) === S_IFIFO) return fail(E.ESPIPE);
  if (isDirectory(inode.mode)) return fail(E.EISDIR);
  if (!isRegular(inode.mode)) return fail(E.ENODEV);
  if (!keepSize && at + length > task.group.limits.number(RLIMIT.FSIZE)) return tooBig(task);
  dropSetIds(inode, task.creds);
  if (punch) return inode.punchHole(at, length) ?? 0;
  const cleared = zero ? inode.punchHole(at, length) : undefined;
  return cleared ?? inode.allocate(at, length, { keepSize }) ?? 0;
}
