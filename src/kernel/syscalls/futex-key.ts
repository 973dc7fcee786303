/** Where a futex of a system call is queued: EINVAL for a word out of line, EFAULT for one that is nowhere. */
import { E } from '../../abi/errno.js';
import type { UserAddr } from '../../base/brand.js';
import type { FutexKey } from '../futex/futex-table.js';
import { SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';

export function futexKey(task: Task, at: UserAddr, sharing: 'private' | 'shared'): FutexKey {
  if (at % 4 !== 0) throw new SyscallError(E.EINVAL);
  if (at + 4 > task.memory.limit) throw new SyscallError(E.EFAULT);
  // A shared word is found by what is mapped there; nothing there, nothing to find.
  if (sharing === 'shared' && !task.mm.vmas.find(at)) throw new SyscallError(E.EFAULT);
  return task.kernel.tasks.futexes.keyOf(task.mm, at, sharing);
}
