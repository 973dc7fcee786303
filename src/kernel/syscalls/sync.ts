/** fsync(2), fdatasync(2), sync(2), syncfs(2), sync_file_range(2). */
import { E } from '../../abi/errno.js';
import { S_IFIFO, S_IFMT, S_IFSOCK } from '../../abi/mode.js';
import { NR } from '../../abi/numbers.js';
import { fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { fd, flags, offset } from './codecs.js';
import { arg, syscall } from './declare.js';

const SYNC_FILE_RANGE_WAIT_BEFORE = 1;
const SYNC_FILE_RANGE_WRITE = 2;
const SYNC_FILE_RANGE_WAIT_AFTER = 4;
const rangeFlags = {
  SYNC_FILE_RANGE_WAIT_BEFORE,
  SYNC_FILE_RANGE_WRITE,
  SYNC_FILE_RANGE_WAIT_AFTER,
} as const;

export const syncCalls = [
  syscall(NR.fsync, 'fsync', [arg('fd', fd)], { classes: ['desc'] }, fsync),
  syscall(NR.fdatasync, 'fdatasync', [arg('fd', fd)], { classes: ['desc'] }, fsync),
  syscall(NR.sync, 'sync', [], {}, (task) => {
    task.fs.mounts.sync();
    return 0;
  }),
  syscall(NR.syncfs, 'syncfs', [arg('fd', fd)], { classes: ['desc'] }, (task, n) => {
    task.files.require(n).inode.fs.sync?.();
    return 0;
  }),
  syscall(
    NR.sync_file_range,
    'sync_file_range',
    [arg('fd', fd), arg('offset', offset), arg('nbytes', offset), arg('flags', flags(rangeFlags))],
    { classes: ['desc'], note: 'writes back the whole file' },
    (task, n, at, length, f) => {
      const file = task.files.require(n);
      if (f & ~7 || at < 0 || length < 0) return fail(E.EINVAL);
      const type = file.inode.mode & S_IFMT;
      if (type === S_IFIFO || type === S_IFSOCK) return fail(E.ESPIPE);
      return file.fsync() ?? 0;
    },
  ),
];

function fsync(task: Task, n: number): Result {
  const file = task.files.require(n);
  const type = file.inode.mode & S_IFMT;
  // Pipes, sockets and anonymous files have nothing to write back, and say so.
  if (type === S_IFIFO || type === S_IFSOCK || type === 0) return fail(E.EINVAL);
  return file.fsync() ?? 0;
}
