/**
 * sendfile(2), copy_file_range(2): from one file to another through a buffer of the kernel.
 *
 * What is read is taken off the source only once the target has it, so a target that takes a part
 * loses nothing. Both therefore read by position.
 */
import { E } from '../../abi/errno.js';
import { isDirectory, isRegular, S_IFIFO, S_IFMT, S_IFSOCK } from '../../abi/mode.js';
import { NR } from '../../abi/numbers.js';
import { MAX_RW_COUNT, O_APPEND, O_NONBLOCK } from '../../abi/open.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import type { FileDescription } from '../fs/file-description.js';
import { BufferSink, BufferSource } from '../fs/user-io.js';
import {
  type Blocking,
  Failure,
  fail,
  type Outcome,
  RESTART_IF_SA_RESTART,
  type Result,
  type Resumed,
} from '../outcome.js';
import type { Task } from '../task/task.js';
import { block, ERR, HUP, OUT, WOULD_BLOCK, WRNORM } from '../wait.js';
import { brokenPipe } from './broken-pipe.js';
import { addr, fd, size, uint } from './codecs.js';
import { arg, syscall } from './declare.js';
import { checkPositioned, checkReadable, checkWritable, prepareWrite } from './transfer.js';

const BUFFER = 65_536;

export const copyCalls = [
  syscall(
    NR.sendfile,
    'sendfile',
    [arg('out_fd', fd), arg('in_fd', fd), arg('offset', addr), arg('count', size)],
    { classes: ['desc', 'network'] },
    sendfile,
  ),
  syscall(
    NR.copy_file_range,
    'copy_file_range',
    [
      arg('fd_in', fd),
      arg('off_in', addr),
      arg('fd_out', fd),
      arg('off_out', addr),
      arg('len', size),
      arg('flags', uint),
    ],
    { classes: ['desc'] },
    copyFileRange,
  ),
];

function sendfile(task: Task, outFd: number, inFd: number, offsetAt: UserAddr, count: number): Result {
  const from = task.files.require(inFd);
  const unreadable = checkReadable(from);
  if (unreadable) return unreadable;
  const start = offsetAt === 0 ? from.offset : readOffset(task, offsetAt);
  if (start < 0) return fail(E.EINVAL);
  const type = from.inode.mode & S_IFMT;
  if (type === S_IFIFO || type === S_IFSOCK || isDirectory(from.inode.mode)) return fail(E.EINVAL);
  const positionless = checkPositioned(from);
  if (positionless) return positionless;
  const to = task.files.require(outFd);
  const unwritable = checkWritable(to);
  if (unwritable) return unwritable;
  if (to.flags & O_APPEND) return fail(E.EINVAL);
  const moved = (done: number): void => {
    if (offsetAt !== 0) task.memory.writeU64(offsetAt, start + done);
    else from.offset = start + done;
  };
  return copy(task, { from, start, to, at: undefined, count: Math.min(count, MAX_RW_COUNT), moved });
}

function copyFileRange(
  task: Task,
  inFd: number,
  inAt: UserAddr,
  outFd: number,
  outAt: UserAddr,
  count: number,
  flags: number,
): Result {
  const from = task.files.require(inFd);
  const to = task.files.require(outFd);
  const start = inAt === 0 ? from.offset : readOffset(task, inAt);
  const at = outAt === 0 ? to.offset : readOffset(task, outAt);
  if (flags !== 0) return fail(E.EINVAL);
  if (isDirectory(from.inode.mode) || isDirectory(to.inode.mode)) return fail(E.EISDIR);
  if (!isRegular(from.inode.mode) || !isRegular(to.inode.mode)) return fail(E.EINVAL);
  const refused = checkReadable(from) ?? checkWritable(to);
  if (refused) return refused;
  if (to.flags & O_APPEND) return fail(E.EBADF);
  if (start < 0 || at < 0) return fail(E.EINVAL);
  if (from.inode.fs !== to.inode.fs) return fail(E.EXDEV);
  const length = Math.min(count, MAX_RW_COUNT);
  if (isSame(from, to) && start < at + length && at < start + length) return fail(E.EINVAL);
  const moved = (done: number): void => {
    if (inAt !== 0) task.memory.writeU64(inAt, start + done);
    else from.offset = start + done;
    if (outAt !== 0) task.memory.writeU64(outAt, at + done);
    else to.offset = at + done;
  };
  return copy(task, { from, start, to, at, count: length, moved });
}

interface Copy {
  readonly from: FileDescription;
  readonly start: number;
  readonly to: FileDescription;
  /** Undefined: at the position of `to`. */
  readonly at: number | undefined;
  readonly count: number;
  /** Told how many bytes were moved in the end. */
  moved(done: number): void;
}

function copy(task: Task, what: Copy): Result {
  const { from, to, start, at } = what;
  const allowed = prepareWrite(task, to, what.count, { offset: at });
  if (allowed instanceof Failure) return allowed;
  const buffer = new Uint8Array(Math.min(BUFFER, allowed));
  const step = (done: number): number | Failure | typeof WOULD_BLOCK => {
    const host = task.kernel.hostFiles;
    const sink = new BufferSink(buffer.subarray(0, Math.min(buffer.length, allowed - done)), host);
    const got = from.tryRead(sink, start + done);
    if (got === WOULD_BLOCK || got instanceof Failure || got === 0) return got;
    return to.tryWrite(new BufferSource(sink.bytes, host), at === undefined ? undefined : at + done);
  };
  let done = task.resumed?.done ?? 0;
  while (done < allowed) {
    const n = step(done);
    if (n === WOULD_BLOCK && !(to.flags & O_NONBLOCK)) return waitAndCopy(task, what, step, done, allowed);
    if (n === WOULD_BLOCK || n instanceof Failure) return ended(task, what, done, n);
    if (n === 0) break;
    done += n;
  }
  what.moved(done);
  return done;
}

function ended(task: Task, what: Copy, done: number, why: Failure | typeof WOULD_BLOCK): Outcome {
  if (why !== WOULD_BLOCK) brokenPipe(task, why);
  if (done === 0) return why === WOULD_BLOCK ? fail(E.EAGAIN) : why;
  what.moved(done);
  return done;
}

function* waitAndCopy(
  task: Task,
  what: Copy,
  step: (done: number) => number | Failure | typeof WOULD_BLOCK,
  already: number,
  allowed: number,
): Blocking<Outcome> {
  let done = already;
  const { from, to } = what;
  from.retain();
  to.retain();
  try {
    while (done < allowed) {
      const resume = (): Resumed => ({ done });
      const n = yield* block(to, OUT | WRNORM | HUP | ERR, () => step(done), { resume });
      if (n === 'interrupted' || n === 'timedOut') {
        if (done === 0) return RESTART_IF_SA_RESTART;
        break;
      }
      if (n instanceof Failure) return ended(task, what, done, n);
      if (n === 0) break;
      done += n;
    }
    what.moved(done);
    return done;
  } finally {
    from.release();
    to.release();
  }
}

/** A signed 64-bit offset of the guest. */
function readOffset(task: Task, at: UserAddr): number {
  const lo = task.memory.readU32(at);
  const hi = task.memory.readU32(userAddr(at + 4)) | 0;
  return hi * 0x1_0000_0000 + lo;
}

function isSame(a: FileDescription, b: FileDescription): boolean {
  return a.inode.attributes().ino === b.inode.attributes().ino;
}
