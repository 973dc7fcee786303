/** fcntl(2): F_GETLK, F_SETLK, F_SETLKW and their F_OFD_* relatives. */
import { E } from '../../abi/errno.js';
import {
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_RDLCK,
  F_SETLKW,
  F_UNLCK,
  F_WRLCK,
  flock as flockStruct,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
} from '../../abi/open.js';
import type { UserAddr } from '../../base/brand.js';
import type { FileDescription } from '../fs/file-description.js';
import { startWaiting, stopWaiting, wouldDeadlock } from '../fs/locks/deadlock.js';
import {
  dropLocksAtClose,
  type LockTable,
  locksOf,
  type RecordRequest,
  rememberLocker,
} from '../fs/locks/lock-table.js';
import {
  type Blocking,
  type Failure,
  fail,
  type Outcome,
  RESTART_IF_SA_RESTART,
  type Result,
  SyscallError,
} from '../outcome.js';
import type { Task } from '../task/task.js';
import { block, IN, WOULD_BLOCK } from '../wait.js';
import { checkReadable, checkWritable } from './transfer.js';

type FlockValue = ReturnType<typeof flockStruct.decode>;

export function getRecordLock(task: Task, file: FileDescription, command: number, at: UserAddr): Result {
  const asked = task.memory.readStruct(flockStruct, at);
  if (asked.type !== F_RDLCK && asked.type !== F_WRLCK) return fail(E.EINVAL);
  const request = requestOf(task, file, asked, command === F_OFD_GETLK);
  const held = locksOf(file.inode).conflict(request);
  const answer: FlockValue = held
    ? {
        type: held.type,
        whence: SEEK_SET,
        start: held.start,
        len: held.end === Number.POSITIVE_INFINITY ? 0 : held.end - held.start,
        pid: held.pid,
      }
    : { ...asked, type: F_UNLCK };
  task.memory.writeStruct(flockStruct, at, answer);
  return 0;
}

export function setRecordLock(task: Task, file: FileDescription, command: number, at: UserAddr): Result {
  const asked = task.memory.readStruct(flockStruct, at);
  const ofFile = command === F_OFD_SETLK || command === F_OFD_SETLKW;
  const request = requestOf(task, file, asked, ofFile);
  if (request.type === F_RDLCK && checkReadable(file)) return fail(E.EBADF);
  if (request.type === F_WRLCK && checkWritable(file)) return fail(E.EBADF);
  const table = locksOf(file.inode);
  if (ofFile) dropLocksAtClose(file);
  else rememberLocker(request.owner);
  const held = table.conflict(request);
  if (!held) {
    table.apply(request);
    return 0;
  }
  if (command !== F_SETLKW && command !== F_OFD_SETLKW) return fail(E.EAGAIN);
  return waitForRecord(table, file, request, ofFile);
}

function requestOf(task: Task, file: FileDescription, asked: FlockValue, ofFile: boolean): RecordRequest {
  const { type } = asked;
  if (type !== F_RDLCK && type !== F_WRLCK && type !== F_UNLCK) throw new SyscallError(E.EINVAL);
  if (ofFile && asked.pid !== 0) throw new SyscallError(E.EINVAL);
  const { start, end } = rangeOf(file, asked);
  return { type, start, end, owner: ofFile ? file : task.files, pid: ofFile ? -1 : task.group.pid };
}

/** A negative length is the bytes before `start`; 0 is everything from there on. */
function rangeOf(file: FileDescription, asked: FlockValue): { start: number; end: number } {
  const from = asked.start + baseOf(file, asked.whence);
  const start = asked.len < 0 ? from + asked.len : from;
  if (start < 0) throw new SyscallError(E.EINVAL);
  if (asked.len === 0) return { start, end: Number.POSITIVE_INFINITY };
  return { start, end: asked.len < 0 ? from : from + asked.len };
}

function baseOf(file: FileDescription, whence: number): number {
  if (whence === SEEK_SET) return 0;
  if (whence === SEEK_CUR) return file.offset;
  if (whence === SEEK_END) return file.inode.attributes().size;
  throw new SyscallError(E.EINVAL);
}

function* waitForRecord(
  table: LockTable,
  file: FileDescription,
  request: RecordRequest,
  ofFile: boolean,
): Blocking<Outcome> {
  file.retain();
  try {
    const got = yield* block(table.queue, IN, (): number | Failure | typeof WOULD_BLOCK => {
      const held = table.conflict(request);
      if (!held) {
        table.apply(request);
        return 0;
      }
      if (ofFile) return WOULD_BLOCK;
      if (wouldDeadlock(request.owner, held.owner)) return fail(E.EDEADLK);
      startWaiting(request.owner, held.owner);
      return WOULD_BLOCK;
    });
    return typeof got === 'string' ? RESTART_IF_SA_RESTART : got;
  } finally {
    if (!ofFile) stopWaiting(request.owner);
    file.release();
  }
}
