/**
 * Moving bytes between a file and guest memory, for the read(2) and write(2) families: the checks, the
 * waiting, partial results, SIGPIPE and RLIMIT_FSIZE. Linux: fs/read_write.c.
 *
 * The first attempt allocates nothing. Only what would block becomes a generator, which holds a
 * reference to the file: another thread may close the descriptor meanwhile.
 */
import { E } from '../../abi/errno.js';
import { isRegular, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK } from '../../abi/mode.js';
import {
  IOV_MAX,
  iovec,
  MAX_RW_COUNT,
  O_ACCMODE,
  O_APPEND,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  SEEK_CUR,
} from '../../abi/open.js';
import { RLIMIT } from '../../abi/resource.js';
import { SIG } from '../../abi/signal.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { dropSetIds } from '../fs/change.js';
import type { FileDescription, Tried } from '../fs/file-description.js';
import {
  type Segment,
  type UserSink,
  type UserSource,
  userSink,
  userSinkVector,
  userSource,
  userSourceVector,
} from '../fs/user-io.js';
import {
  type Blocking,
  Failure,
  fail,
  type Outcome,
  RESTART_IF_SA_RESTART,
  type Result,
  SyscallError,
} from '../outcome.js';
import { sendToTask } from '../signal/send.js';
import { kernelSignal } from '../signal/siginfo.js';
import type { Task } from '../task/task.js';
import {
  block,
  ERR,
  HUP,
  IN,
  OUT,
  PRI,
  RDHUP,
  RDNORM,
  resumedDeadline,
  WOULD_BLOCK,
  WRNORM,
} from '../wait.js';
import { brokenPipe } from './broken-pipe.js';

const READABLE = IN | RDNORM | PRI | HUP | ERR | RDHUP;
const WRITABLE = OUT | WRNORM | HUP | ERR;

/** Guest buffers: one at `addr`, or those of an iovec. */
export type Buffers = { readonly addr: UserAddr; readonly length: number } | readonly Segment[];

export interface TransferOptions {
  /** Where in the file; undefined: at its position. */
  readonly offset?: number | undefined;
  /** RWF_NOWAIT: EAGAIN where it would wait. */
  readonly noWait?: boolean;
  /** RWF_APPEND. */
  readonly append?: boolean;
}

const PLAIN: TransferOptions = {};

export function read(
  task: Task,
  file: FileDescription,
  addr: UserAddr,
  length: number,
  options: TransferOptions = PLAIN,
): Result {
  const refused = checkReadable(file) ?? checkRange(task, addr, length);
  if (refused) return refused;
  const count = Math.min(length, MAX_RW_COUNT);
  if (file.gather) return gather(task, file, () => userSink(task, addr, count), options);
  const sink = userSink(task, addr, count);
  const tried = file.tryRead(sink, options.offset);
  if (tried !== WOULD_BLOCK) return readOutcome(tried, sink);
  return count === 0 ? 0 : waitToRead(task, file, () => userSink(task, addr, count), options);
}

export function readVector(
  task: Task,
  file: FileDescription,
  segments: readonly Segment[],
  options: TransferOptions = PLAIN,
): Result {
  const refused = checkReadable(file);
  if (refused) return refused;
  const begin = (): UserSink => limited(userSinkVector(task, segments), MAX_RW_COUNT);
  if (file.gather) return gather(task, file, begin, options);
  const sink = begin();
  if (sink.remaining === 0) return 0;
  const tried = file.tryRead(sink, options.offset);
  if (tried !== WOULD_BLOCK) return readOutcome(tried, sink);
  return waitToRead(task, file, begin, options);
}

export function write(
  task: Task,
  file: FileDescription,
  addr: UserAddr,
  length: number,
  options: TransferOptions = PLAIN,
): Result {
  const refused = checkWritable(file) ?? checkRange(task, addr, length) ?? file.mayWrite?.(task);
  if (refused) return refused;
  const allowed = prepareWrite(task, file, Math.min(length, MAX_RW_COUNT), options);
  if (allowed instanceof Failure) return allowed;
  const begin = (): UserSource => userSource(task, addr, allowed);
  if (task.resumed?.done) return waitToWrite(task, file, begin, options, task.resumed.done);
  const source = begin();
  const tried = tryWrite(file, source, options);
  if (isWhole(file, tried, source, options)) return writeOutcome(task, tried, source);
  return waitToWrite(task, file, begin, options, tried);
}

export function writeVector(
  task: Task,
  file: FileDescription,
  segments: readonly Segment[],
  options: TransferOptions = PLAIN,
): Result {
  const refused = checkWritable(file) ?? file.mayWrite?.(task);
  if (refused) return refused;
  const total = Math.min(MAX_RW_COUNT, totalLength(segments));
  if (total === 0) return 0;
  const allowed = prepareWrite(task, file, total, options);
  if (allowed instanceof Failure) return allowed;
  const begin = (): UserSource => limited(userSourceVector(task, segments), allowed);
  if (task.resumed?.done) return waitToWrite(task, file, begin, options, task.resumed.done);
  const source = begin();
  const tried = tryWrite(file, source, options);
  if (isWhole(file, tried, source, options)) return writeOutcome(task, tried, source);
  return waitToWrite(task, file, begin, options, tried);
}

/** An iovec of the guest, checked as Linux's import_iovec does. */
export function readIovec(task: Task, at: UserAddr, count: number): Segment[] {
  if (count < 0 || count > IOV_MAX) throw new SyscallError(E.EINVAL);
  const bytes = task.memory.readBytes(at, count * iovec.size);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const segments: Segment[] = [];
  for (let i = 0; i < count; i++) {
    const segment = iovec.read(view, i * iovec.size);
    if (segment.len >= 2 ** 63) throw new SyscallError(E.EINVAL);
    if (checkRange(task, userAddr(segment.base), segment.len)) throw new SyscallError(E.EFAULT);
    segments.push(segment);
  }
  return segments;
}

export function totalLength(segments: readonly Segment[]): number {
  let total = 0;
  for (const s of segments) total += s.len;
  return total;
}

export function checkReadable(file: FileDescription): Failure | undefined {
  return (file.flags & O_ACCMODE) === O_WRONLY || (file.flags & O_ACCMODE) === O_ACCMODE
    ? fail(E.EBADF)
    : undefined;
}

export function checkWritable(file: FileDescription): Failure | undefined {
  return (file.flags & O_ACCMODE) === O_RDONLY || (file.flags & O_ACCMODE) === O_ACCMODE
    ? fail(E.EBADF)
    : undefined;
}

/** ESPIPE for files without positions: pread, pwrite, sendfile with an offset. */
export function checkPositioned(file: FileDescription): Failure | undefined {
  const type = file.inode.mode & S_IFMT;
  if (type === S_IFREG || type === S_IFDIR || type === S_IFBLK) return undefined;
  if (type === S_IFIFO || type === S_IFSOCK) return fail(E.ESPIPE);
  return file.seek(0, SEEK_CUR) instanceof Failure ? fail(E.ESPIPE) : undefined;
}

/**
 * How many of `count` bytes RLIMIT_FSIZE lets a regular file take; takes away set-id bits that a write
 * must not leave.
 */
export function prepareWrite(
  task: Task,
  file: FileDescription,
  count: number,
  options: TransferOptions = PLAIN,
): number | Failure {
  const { inode } = file;
  if (!isRegular(inode.mode)) return count;
  if (count > 0) dropSetIds(inode, task.creds);
  const limit = task.group.limits.number(RLIMIT.FSIZE);
  if (limit === Number.POSITIVE_INFINITY) return count;
  const appends = options.append || file.flags & O_APPEND;
  const at = appends ? inode.attributes().size : (options.offset ?? file.offset);
  if (at >= limit && count > 0) return tooBig(task);
  return Math.min(count, limit - at);
}

/** EFBIG, and the signal that goes with it. */
export function tooBig(task: Task): Failure {
  sendToTask(task, kernelSignal(SIG.XFSZ));
  return fail(E.EFBIG);
}

function checkRange(task: Task, addr: number, length: number): Failure | undefined {
  return addr + length > task.memory.limit ? fail(E.EFAULT) : undefined;
}

function limited<T extends UserSink | UserSource>(buffers: T, length: number): T {
  buffers.limit(length);
  return buffers;
}

function readOutcome(got: number | Failure, sink: UserSink): Outcome {
  return got === 0 && sink.faulted ? fail(E.EFAULT) : got;
}

function writeOutcome(task: Task, put: Tried<number>, source: UserSource): Outcome {
  if (put === WOULD_BLOCK) return fail(E.EAGAIN);
  if (put instanceof Failure) return brokenPipe(task, put);
  return put === 0 && source.faulted ? fail(E.EFAULT) : put;
}

function mustNotWait(file: FileDescription, options: TransferOptions): boolean {
  return options.noWait === true || (file.flags & O_NONBLOCK) !== 0;
}

/** Whether there is nothing more to do: a stream that took only a part is waited for. */
function isWhole(
  file: FileDescription,
  tried: Tried<number>,
  source: UserSource,
  options: TransferOptions,
): boolean {
  if (tried instanceof Failure) return true;
  if (mustNotWait(file, options)) return true;
  if (tried === WOULD_BLOCK) return false;
  return source.remaining === 0 || source.faulted || !isStream(file);
}

function isStream(file: FileDescription): boolean {
  const type = file.inode.mode & S_IFMT;
  return type === S_IFIFO || type === S_IFSOCK || type === S_IFCHR;
}

function tryWrite(file: FileDescription, source: UserSource, options: TransferOptions): Tried<number> {
  if (!options.append) return file.tryWrite(source, options.offset);
  const { flags } = file;
  file.flags |= O_APPEND;
  try {
    return file.tryWrite(source, options.offset);
  } finally {
    file.flags = flags;
  }
}

/** The file gathers the bytes; they reach the guest when it has them all. */
function* gather(
  task: Task,
  file: FileDescription,
  begin: () => UserSink,
  options: TransferOptions,
): Blocking<Outcome> {
  if (options.offset !== undefined || !file.gather) return fail(E.ESPIPE);
  file.retain();
  try {
    const got = yield* file.gather(task, begin().remaining, { mayWait: !mustNotWait(file, options) });
    if (!(got instanceof Uint8Array)) return got;
    if (got.length === 0) return 0;
    const put = begin().put(got);
    return put === 0 ? fail(E.EFAULT) : put;
  } finally {
    file.release();
  }
}

function waitToRead(
  task: Task,
  file: FileDescription,
  begin: () => UserSink,
  options: TransferOptions,
): Result {
  if (mustNotWait(file, options)) return fail(E.EAGAIN);
  return blockingRead(task, file, begin, options);
}

/** The instant at which a wait that may take so long ends (SO_RCVTIMEO, SO_SNDTIMEO). */
function deadlineOf(task: Task, timeoutNs: number): number {
  if (timeoutNs === Number.POSITIVE_INFINITY) return timeoutNs;
  return resumedDeadline(task, task.kernel.clock.monotonic() + timeoutNs);
}

/** A wait without a result: one with a time limit is not restarted. */
function unfinished(how: 'timedOut' | 'interrupted', timeoutNs: number): Outcome {
  if (how === 'timedOut') return fail(E.EAGAIN);
  return timeoutNs === Number.POSITIVE_INFINITY ? RESTART_IF_SA_RESTART : fail(E.EINTR);
}

function* blockingRead(
  task: Task,
  file: FileDescription,
  begin: () => UserSink,
  options: TransferOptions,
): Blocking<Outcome> {
  const timeout = file.receiveTimeoutNs;
  const deadlineNs = deadlineOf(task, timeout);
  file.retain();
  try {
    const attempt = (): Tried<Outcome> => {
      const sink = begin();
      const tried = file.tryRead(sink, options.offset);
      return tried === WOULD_BLOCK ? tried : readOutcome(tried, sink);
    };
    const got = yield* block(file, READABLE, attempt, { deadlineNs });
    return typeof got === 'string' ? unfinished(got, timeout) : got;
  } finally {
    file.release();
  }
}

function* waitToWrite(
  task: Task,
  file: FileDescription,
  begin: () => UserSource,
  options: TransferOptions,
  first: Tried<number>,
): Blocking<Outcome> {
  let done = typeof first === 'number' ? first : 0;
  const timeout = file.sendTimeoutNs;
  const deadlineNs = deadlineOf(task, timeout);
  file.retain();
  try {
    for (;;) {
      let whole = false;
      const attempt = (): Tried<Outcome> => {
        const source = begin();
        source.skip(done);
        const tried = tryWrite(file, source, options);
        if (tried === WOULD_BLOCK) return tried;
        whole = isWhole(file, tried, source, options);
        return writeOutcome(task, tried, source);
      };
      const put = yield* block(file, WRITABLE, attempt, { deadlineNs, resume: () => ({ done }) });
      if (typeof put === 'string') return done > 0 ? done : unfinished(put, timeout);
      if (typeof put !== 'number') return done > 0 ? done : put;
      done += put;
      if (whole) return done;
    }
  } finally {
    file.release();
  }
}
