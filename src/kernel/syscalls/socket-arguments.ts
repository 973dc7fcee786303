/** What the socket calls have in common: the descriptor, names of sockets, who sends. */
import { E } from '../../abi/errno.js';
import { AF_UNIX } from '../../abi/socket.js';
import type { UserAddr } from '../../base/brand.js';
import type { Sender } from '../ipc/message-queue.js';
import { UnixSocket } from '../ipc/unix-socket.js';
import { fail, type Outcome, SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';

/** The socket behind a descriptor; EBADF, or ENOTSOCK. */
export function requireSocket(task: Task, descriptor: number): UnixSocket {
  const file = task.files.require(descriptor);
  if (!(file instanceof UnixSocket)) throw new SyscallError(E.ENOTSOCK);
  return file;
}

export function senderOf(task: Task): Sender {
  return { pid: task.group.pid, creds: task.creds };
}

/** The name of a socket that has none: only its family. The length is in and out. */
export function writeUnnamed(task: Task, at: UserAddr, lengthAt: UserAddr): Outcome {
  const room = task.memory.readU32(lengthAt) | 0;
  if (room < 0) return fail(E.EINVAL);
  const name = Uint8Array.of(AF_UNIX, 0);
  task.memory.write(at, name.subarray(0, room));
  task.memory.writeU32(lengthAt, name.length);
  return 0;
}
