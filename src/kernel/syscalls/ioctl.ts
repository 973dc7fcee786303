/**
 * ioctl(2): what every file answers (close-on-exec, non-blocking, FIONREAD of regular files); the rest
 * is the file's own business.
 */
import { E } from '../../abi/errno.js';
import { isRegular } from '../../abi/mode.js';
import { NR } from '../../abi/numbers.js';
import { FASYNC, O_NONBLOCK } from '../../abi/open.js';
import {
  FICLONE,
  FIGETBSZ,
  FIOASYNC,
  FIOCLEX,
  FIONBIO,
  FIONCLEX,
  FIONREAD,
  FIOQSIZE,
  ioctlRequests,
} from '../../abi/termios.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import type { FileDescription } from '../fs/file-description.js';
import { fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { choice, fd, word } from './codecs.js';
import { arg, syscall } from './declare.js';
import { setStatusFlags } from './fcntl.js';

/** By the signed word that a register holds. */
const requests = Object.fromEntries(Object.entries(ioctlRequests).map(([name, value]) => [name, value | 0]));

export const ioctlCalls = [
  syscall(
    NR.ioctl,
    'ioctl',
    [arg('fd', fd), arg('op', choice(requests)), arg('argp', word)],
    { classes: ['desc'], support: 'partial', note: 'what the files of this kernel know' },
    (task, n, op, argument) => ioctl(task, n, op >>> 0, argument),
  ),
];

function ioctl(task: Task, n: number, request: number, argument: number): Result {
  const file = task.files.require(n);
  const at = userAddr(argument);
  switch (request) {
    case FIOCLEX:
      task.files.setCloseOnExec(n, true);
      return 0;
    case FIONCLEX:
      task.files.setCloseOnExec(n, false);
      return 0;
    case FIONBIO:
      return setFlag(task, n, file, at, O_NONBLOCK);
    case FIOASYNC:
      return setFlag(task, n, file, at, FASYNC);
    case FIGETBSZ:
      task.memory.writeU32(at, file.inode.attributes().blksize);
      return 0;
    case FICLONE:
      return fail(E.EOPNOTSUPP);
  }
  if (!isRegular(file.inode.mode)) return file.ioctl(task, request, argument);
  if (request === FIONREAD) {
    task.memory.writeU32(at, file.inode.attributes().size - file.offset);
    return 0;
  }
  if (request === FIOQSIZE) {
    task.memory.writeU64(at, file.inode.attributes().size);
    return 0;
  }
  return file.ioctl(task, request, argument);
}

/** The argument points to an int: on or off. */
function setFlag(task: Task, n: number, file: FileDescription, at: UserAddr, flag: number): Result {
  const on = task.memory.readU32(at) !== 0;
  return setStatusFlags(task, n, file, on ? file.flags | flag : file.flags & ~flag);
}
