/**
 * membarrier(2): a memory barrier on every thread of the process. The guest's threads are threads of one
 * host process, so the host's own call, made there, is exactly that barrier.
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { choice, int, uint } from './codecs.js';
import { arg, syscall } from './declare.js';

const commands = {
  MEMBARRIER_CMD_QUERY: 0,
  MEMBARRIER_CMD_GLOBAL: 1,
  MEMBARRIER_CMD_GLOBAL_EXPEDITED: 2,
  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED: 4,
  MEMBARRIER_CMD_PRIVATE_EXPEDITED: 8,
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED: 16,
  MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE: 32,
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: 64,
} as const;
/** All of the above; those of restartable sequences are not: there are none. */
const KNOWN = 0x7f;

export const membarrierCalls = [
  syscall(
    NR.membarrier,
    'membarrier',
    [arg('cmd', choice(commands)), arg('flags', uint), arg('cpu_id', int)],
    { support: 'partial', note: 'no commands for restartable sequences: EINVAL' },
    membarrier,
  ),
];

function membarrier(task: Task, command: number, flags: number): Result {
  const isOne = command > 0 && (command & (command - 1)) === 0;
  if (flags !== 0 || (command !== 0 && (!isOne || command & ~KNOWN))) return fail(E.EINVAL);
  const r = task.mm.space.barrier(command);
  if (r < 0) return fail(r === -E.EPERM ? E.EPERM : r === -E.EINVAL ? E.EINVAL : E.ENOSYS);
  return command === 0 ? r & KNOWN : r;
}
