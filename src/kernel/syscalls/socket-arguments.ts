/** What the socket calls have in common: the descriptor, addresses in and out, who calls, waiting. */
import { E } from '../../abi/errno.js';
import { AT_FDCWD, O_NONBLOCK } from '../../abi/open.js';
import { MSG_DONTWAIT, SOCKADDR_MAX } from '../../abi/socket.js';
import type { UserAddr } from '../../base/brand.js';
import { contextOf } from '../fs/fs-context.js';
import { type Caller, Socket } from '../net/socket.js';
import { fail, type Outcome, RESTART_IF_SA_RESTART, SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';
import { resumedDeadline } from '../wait.js';

/** The socket behind a descriptor; EBADF, or ENOTSOCK. */
export function requireSocket(task: Task, descriptor: number): Socket {
  const file = task.files.require(descriptor);
  if (!(file instanceof Socket)) throw new SyscallError(E.ENOTSOCK);
  return file;
}

export function callerOf(task: Task): Caller {
  return {
    pid: task.group.pid,
    creds: task.creds,
    places: (path) => contextOf(task, AT_FDCWD, path),
  };
}

/** Linux: move_addr_to_kernel. */
export function readAddress(task: Task, at: UserAddr, length: number): Uint8Array {
  if (length < 0 || length > SOCKADDR_MAX) throw new SyscallError(E.EINVAL);
  return length === 0 ? new Uint8Array(0) : task.memory.readBytes(at, length);
}

/** Linux: move_addr_to_user. What does not fit is cut off; the length written is that of the whole. */
export function writeAddress(task: Task, name: Uint8Array, at: UserAddr, lengthAt: UserAddr): void {
  const room = task.memory.readU32(lengthAt) | 0;
  if (room < 0) throw new SyscallError(E.EINVAL);
  task.memory.write(at, name.subarray(0, room));
  task.memory.writeU32(lengthAt, name.length);
}

export function mayWait(socket: Socket, messageFlags: number): boolean {
  return (messageFlags & MSG_DONTWAIT) === 0 && (socket.flags & O_NONBLOCK) === 0;
}

/** The instant at which a wait that may take so long ends. */
export function deadlineOf(task: Task, timeoutNs: number): number {
  if (timeoutNs === Number.POSITIVE_INFINITY) return timeoutNs;
  return resumedDeadline(task, task.kernel.clock.monotonic() + timeoutNs);
}

/** A wait that ended without a result; one with a time limit is not restarted. */
export function unfinished(how: 'timedOut' | 'interrupted', timeoutNs: number, late: Outcome): Outcome {
  if (how === 'timedOut') return late;
  return timeoutNs === Number.POSITIVE_INFINITY ? RESTART_IF_SA_RESTART : fail(E.EINTR);
}
