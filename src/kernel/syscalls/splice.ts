/**
 * splice(2), tee(2), vmsplice(2): moving bytes to and from pipes. Here bytes are copied where Linux may
 * hand over pages; programs cannot tell.
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { IOV_MAX, iovec, O_ACCMODE, O_APPEND, O_NONBLOCK, O_RDONLY, O_WRONLY } from '../../abi/open.js';
import { i64, struct } from '../../abi/struct.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import type { FileDescription, Tried } from '../fs/file-description.js';
import { PipeFile } from '../fs/pipe/pipe-file.js';
import { BufferSink, BufferSource, userSinkVector, userSourceVector } from '../fs/user-io.js';
import {
  type Blocking,
  Failure,
  fail,
  type Outcome,
  RESTART_IF_SA_RESTART,
  type Result,
} from '../outcome.js';
import type { Task } from '../task/task.js';
import { block, ERR, HUP, IN, OUT, WOULD_BLOCK } from '../wait.js';
import { brokenPipe } from './broken-pipe.js';
import { fd, flags, inIovec, size, structAt, ulong } from './codecs.js';
import { arg, syscall } from './declare.js';

const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const SPLICE_F_MORE = 4;
const SPLICE_F_GIFT = 8;
const spliceFlags = { SPLICE_F_MOVE, SPLICE_F_NONBLOCK, SPLICE_F_MORE, SPLICE_F_GIFT } as const;
const ALLOWED = 0xf;
const loff = struct('loff_t', { value: i64 });
/** At most so much at a time goes through the kernel's buffer. */
const CHUNK = 65_536;

export const spliceCalls = [
  syscall(
    NR.splice,
    'splice',
    [
      arg('fd_in', fd),
      arg('off_in', structAt(loff)),
      arg('fd_out', fd),
      arg('off_out', structAt(loff)),
      arg('len', size),
      arg('flags', flags(spliceFlags)),
    ],
    { classes: ['desc'] },
    (task, fdIn, offIn, fdOut, offOut, length, f) => {
      if (length === 0) return 0;
      if ((f & ~ALLOWED) !== 0) return fail(E.EINVAL);
      return splice(task, task.files.require(fdIn), offIn, task.files.require(fdOut), offOut, length, f);
    },
  ),
  syscall(
    NR.tee,
    'tee',
    [arg('fd_in', fd), arg('fd_out', fd), arg('len', size), arg('flags', flags(spliceFlags))],
    { classes: ['desc'] },
    (task, fdIn, fdOut, length, f) => {
      if ((f & ~ALLOWED) !== 0) return fail(E.EINVAL);
      if (length === 0) return 0;
      const from = task.files.require(fdIn);
      const to = task.files.require(fdOut);
      if (!readable(from) || !writable(to)) return fail(E.EBADF);
      if (!(from instanceof PipeFile) || !(to instanceof PipeFile) || from.pipe === to.pipe) {
        return fail(E.EINVAL);
      }
      return whenReady(task, from, to, mayWait(from, to, f), () => {
        const room = roomOf(to);
        return moveFromPipe(task, from, to, Math.min(length, room), 'keep');
      });
    },
  ),
  syscall(
    NR.vmsplice,
    'vmsplice',
    [arg('fd', fd), arg('iov', inIovec('nr_segs')), arg('nr_segs', ulong), arg('flags', flags(spliceFlags))],
    { classes: ['desc'] },
    vmsplice,
  ),
];

function splice(
  task: Task,
  from: FileDescription,
  offIn: UserAddr,
  to: FileDescription,
  offOut: UserAddr,
  length: number,
  f: number,
): Result {
  if (!readable(from) || !writable(to)) return fail(E.EBADF);
  const fromPipe = from instanceof PipeFile;
  const toPipe = to instanceof PipeFile;
  if ((fromPipe && offIn !== 0) || (toPipe && offOut !== 0)) return fail(E.ESPIPE);
  if (!fromPipe && !toPipe) return fail(E.EINVAL);
  if (fromPipe && toPipe && from.pipe === to.pipe) return fail(E.EINVAL);
  if (!toPipe && (to.flags & O_APPEND) !== 0) return fail(E.EINVAL);
  const inAt = offIn === 0 ? undefined : task.memory.readStruct(loff, offIn).value;
  const outAt = offOut === 0 ? undefined : task.memory.readStruct(loff, offOut).value;
  return whenReady(task, from, to, mayWait(from, to, f), () => {
    const moved = fromPipe
      ? moveFromPipe(task, from, to, Math.min(length, roomOf(to)), 'consume', outAt)
      : moveToPipe(task, from, to, Math.min(length, roomOf(to)), inAt);
    if (typeof moved === 'number' && moved > 0) {
      if (inAt !== undefined) task.memory.writeStruct(loff, offIn, { value: inAt + moved });
      if (outAt !== undefined) task.memory.writeStruct(loff, offOut, { value: outAt + moved });
    }
    return moved;
  });
}

/**
 * Whether it may wait. A pipe that is read into something else than a pipe waits whatever its
 * own O_NONBLOCK says: Linux looks at the other side's.
 */
function mayWait(from: FileDescription, to: FileDescription, f: number): boolean {
  if ((f & SPLICE_F_NONBLOCK) !== 0 || (to.flags & O_NONBLOCK) !== 0) return false;
  const drained = from instanceof PipeFile && !(to instanceof PipeFile);
  return drained || (from.flags & O_NONBLOCK) === 0;
}

function whenReady(
  task: Task,
  from: FileDescription,
  to: FileDescription,
  wait: boolean,
  attempt: () => Tried<number>,
): Result {
  const first = attempt();
  if (first === WOULD_BLOCK) return wait ? waitFor(task, from, to, attempt) : fail(E.EAGAIN);
  return first instanceof Failure ? brokenPipe(task, first) : first;
}

function* waitFor(
  task: Task,
  from: FileDescription,
  to: FileDescription,
  attempt: () => Tried<number>,
): Blocking<Outcome> {
  const both = {
    listen(_mask: number, wake: (events: number) => void) {
      const stops = [from.listen(IN | HUP | ERR, wake), to.listen(OUT | HUP | ERR, wake)];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
  from.retain();
  to.retain();
  try {
    const r = yield* block(both, 0, attempt);
    if (r === 'interrupted' || r === 'timedOut') return RESTART_IF_SA_RESTART;
    return r instanceof Failure ? brokenPipe(task, r) : r;
  } finally {
    from.release();
    to.release();
  }
}

/** What can go to `to` now: a pipe's free pages, else a buffer full. */
function roomOf(to: FileDescription): number {
  return to instanceof PipeFile ? to.pipe.room : CHUNK;
}

/** Bytes are copied, written, and only then taken out of the pipe: none is lost when writing fails. */
function moveFromPipe(
  task: Task,
  from: PipeFile,
  to: FileDescription,
  length: number,
  mode: 'consume' | 'keep',
  at?: number,
): Tried<number> {
  if (to instanceof PipeFile && to.pipe.readers === 0) return fail(E.EPIPE);
  if (from.pipe.empty) return from.pipe.writers === 0 ? 0 : WOULD_BLOCK;
  if (length === 0) return WOULD_BLOCK;
  const host = task.kernel.hostFiles;
  const written = to.tryWrite(new BufferSource(from.pipe.peek(Math.min(length, CHUNK)), host), at);
  if (mode === 'consume' && typeof written === 'number' && written > 0) from.pipe.discard(written);
  return written;
}

function moveToPipe(
  task: Task,
  from: FileDescription,
  to: FileDescription,
  length: number,
  at: number | undefined,
): Tried<number> {
  if (to instanceof PipeFile && to.pipe.readers === 0) return fail(E.EPIPE);
  if (length === 0) return WOULD_BLOCK;
  const host = task.kernel.hostFiles;
  const sink = new BufferSink(new Uint8Array(Math.min(length, CHUNK)), host);
  const got = from.tryRead(sink, at);
  if (typeof got !== 'number' || got === 0) return got;
  return to.tryWrite(new BufferSource(sink.bytes.subarray(0, got), host));
}

/** Into a pipe like writev, out of one like readv. */
function vmsplice(task: Task, descriptor: number, at: UserAddr, count: number, f: number): Result {
  if ((f & ~ALLOWED) !== 0) return fail(E.EINVAL);
  const file = task.files.require(descriptor);
  if (!(file instanceof PipeFile)) return fail(E.EBADF);
  if (count > IOV_MAX) return fail(E.EINVAL);
  const segments = Array.from({ length: count }, (_, i) =>
    task.memory.readStruct(iovec, userAddr(at + i * iovec.size)),
  );
  if (segments.every((s) => s.len === 0)) return 0;
  const attempt = (): Tried<number> =>
    file.canWrite
      ? file.tryWrite(userSourceVector(task, segments))
      : file.tryRead(userSinkVector(task, segments));
  return whenReady(task, file, file, mayWait(file, file, f), attempt);
}

function readable(file: FileDescription): boolean {
  return (file.flags & O_ACCMODE) !== O_WRONLY;
}

function writable(file: FileDescription): boolean {
  return (file.flags & O_ACCMODE) !== O_RDONLY;
}
