/**
 * read(2), write(2), readv(2), pread(2), preadv2(2) and their like, lseek(2), readahead(2),
 * posix_fadvise(2). What moves the bytes is transfer.ts; sendfile and copy_file_range are copy.ts.
 */
import { E } from '../../abi/errno.js';
import { isRegular, S_IFIFO, S_IFMT } from '../../abi/mode.js';
import { NR } from '../../abi/numbers.js';
import {
  POSIX_FADV_NOREUSE,
  RWF_APPEND,
  RWF_DSYNC,
  RWF_HIPRI,
  RWF_NOAPPEND,
  RWF_NOWAIT,
  RWF_SYNC,
  rwFlags,
  seekWhences,
} from '../../abi/open.js';
import type { UserAddr } from '../../base/brand.js';
import type { FileDescription } from '../fs/file-description.js';
import { fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import {
  addr,
  choice,
  fd,
  flags,
  inBuffer,
  inIovec,
  int,
  offset,
  outBuffer,
  outIovec,
  size,
} from './codecs.js';
import { copyCalls } from './copy.js';
import { arg, syscall } from './declare.js';
import {
  checkPositioned,
  checkReadable,
  read,
  readIovec,
  readVector,
  type TransferOptions,
  write,
  writeVector,
} from './transfer.js';

const DESC = { classes: ['desc'] } as const;
const readArgs = [arg('fd', fd), arg('buf', outBuffer('count')), arg('count', size)] as const;
const writeArgs = [arg('fd', fd), arg('buf', inBuffer('count')), arg('count', size)] as const;
const readvArgs = [arg('fd', fd), arg('iov', outIovec('iovcnt')), arg('iovcnt', int)] as const;
const writevArgs = [arg('fd', fd), arg('iov', inIovec('iovcnt')), arg('iovcnt', int)] as const;
/** The high half means nothing where a register holds 64 bits. */
const position = [arg('offset', offset), arg('high', addr)] as const;

export const readCalls = [
  syscall(NR.read, 'read', readArgs, DESC, (task, n, buf, count) =>
    read(task, task.files.require(n), buf, count),
  ),
  syscall(NR.write, 'write', writeArgs, DESC, (task, n, buf, count) =>
    write(task, task.files.require(n), buf, count),
  ),
  syscall(NR.pread64, 'pread64', [...readArgs, arg('offset', offset)], DESC, (task, n, buf, count, at) => {
    if (at < 0) return fail(E.EINVAL);
    const file = task.files.require(n);
    return checkPositioned(file) ?? read(task, file, buf, count, { offset: at });
  }),
  syscall(NR.pwrite64, 'pwrite64', [...writeArgs, arg('offset', offset)], DESC, (task, n, buf, count, at) => {
    if (at < 0) return fail(E.EINVAL);
    const file = task.files.require(n);
    return checkPositioned(file) ?? write(task, file, buf, count, { offset: at });
  }),
  syscall(NR.readv, 'readv', readvArgs, DESC, (task, n, vector, count) => {
    const file = task.files.require(n);
    return checkReadable(file) ?? readVector(task, file, readIovec(task, vector, count));
  }),
  syscall(NR.writev, 'writev', writevArgs, DESC, (task, n, vector, count) =>
    writeVector(task, task.files.require(n), readIovec(task, vector, count)),
  ),
  syscall(NR.preadv, 'preadv', [...readvArgs, ...position], DESC, (task, n, vector, count, at) =>
    positioned(task, n, at, (file, options) =>
      readVector(task, file, readIovec(task, vector, count), options),
    ),
  ),
  syscall(NR.pwritev, 'pwritev', [...writevArgs, ...position], DESC, (task, n, vector, count, at) =>
    positioned(task, n, at, (file, options) =>
      writeVector(task, file, readIovec(task, vector, count), options),
    ),
  ),
  syscall(
    NR.preadv2,
    'preadv2',
    [...readvArgs, ...position, arg('flags', flags(rwFlags))],
    DESC,
    (task, n, vector, count, at, _high, f) => withFlags(task, n, vector, count, at, f, readVector),
  ),
  syscall(
    NR.pwritev2,
    'pwritev2',
    [...writevArgs, ...position, arg('flags', flags(rwFlags))],
    DESC,
    (task, n, vector, count, at, _high, f) => withFlags(task, n, vector, count, at, f, writeVector),
  ),
  syscall(
    NR.lseek,
    'lseek',
    [arg('fd', fd), arg('offset', offset), arg('whence', choice(seekWhences))],
    DESC,
    (task, n, at, whence) => {
      const file = task.files.require(n);
      return whence < 0 || whence > 4 ? fail(E.EINVAL) : file.seek(at, whence);
    },
  ),
  syscall(
    NR.readahead,
    'readahead',
    [arg('fd', fd), arg('offset', offset), arg('count', size)],
    { ...DESC, note: 'the host reads ahead by itself' },
    (task, n) => {
      const file = task.files.require(n);
      return checkReadable(file) ?? (isRegular(file.inode.mode) ? 0 : fail(E.EINVAL));
    },
  ),
  syscall(
    NR.fadvise64,
    'fadvise64',
    [arg('fd', fd), arg('offset', offset), arg('len', offset), arg('advice', int)],
    { ...DESC, note: 'checked, then ignored' },
    (task, n, _at, length, advice) => {
      const file = task.files.require(n);
      if ((file.inode.mode & S_IFMT) === S_IFIFO) return fail(E.ESPIPE);
      return length < 0 || advice < 0 || advice > POSIX_FADV_NOREUSE ? fail(E.EINVAL) : 0;
    },
  ),
  ...copyCalls,
];

function positioned(
  task: Task,
  n: number,
  at: number,
  move: (file: FileDescription, options: TransferOptions) => Result,
): Result {
  if (at < 0) return fail(E.EINVAL);
  const file = task.files.require(n);
  return checkPositioned(file) ?? move(file, { offset: at });
}

const KNOWN = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND;

/** preadv2 and pwritev2: an offset of -1 is the file's position. */
function withFlags(
  task: Task,
  n: number,
  vector: UserAddr,
  count: number,
  at: number,
  f: number,
  move: typeof readVector,
): Result {
  if (f & ~KNOWN) return fail(E.EOPNOTSUPP);
  if (at < -1) return fail(E.EINVAL);
  const file = task.files.require(n);
  const refused = at === -1 ? undefined : checkPositioned(file);
  if (refused) return refused;
  const result = move(task, file, readIovec(task, vector, count), {
    offset: at === -1 ? undefined : at,
    noWait: (f & RWF_NOWAIT) !== 0,
    append: (f & RWF_APPEND) !== 0 && isRegular(file.inode.mode),
  });
  if (f & (RWF_SYNC | RWF_DSYNC) && typeof result === 'number') file.fsync();
  return result;
}
