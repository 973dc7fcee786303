/**
 * ioctl(2) of host streams, ioctl_tty(2). A terminal's settings and size are the host terminal's; who
 * is in its foreground is a question about guests, and answered here. Nothing else is passed on:
 * TIOCSTI and its like would let a guest type on the host's terminal.
 */
import { E } from '../../../abi/errno.js';
import {
  FIONREAD,
  TCFLSH,
  TCGETS,
  TCGETS2,
  TCSBRK,
  TCSBRKP,
  TCSETS,
  TCSETS2,
  TCSETSF,
  TCSETSF2,
  TCSETSW,
  TCSETSW2,
  TCXONC,
  TIOCGPGRP,
  TIOCGSID,
  TIOCGWINSZ,
  TIOCNOTTY,
  TIOCOUTQ,
  TIOCSCTTY,
  TIOCSPGRP,
  TIOCSWINSZ,
  termios,
  termios2,
  winsize,
} from '../../../abi/termios.js';
import { userAddr } from '../../../base/brand.js';
import { type Failure, fail } from '../../outcome.js';
import type { Task } from '../../task/task.js';
import { hostFailure } from '../host-failure.js';
import type { StdioInode } from './stdio-inode.js';

const READS: ReadonlyMap<number, number> = new Map([
  [TCGETS, termios.size],
  [TCGETS2, termios2.size],
  [TIOCGWINSZ, winsize.size],
  [TIOCOUTQ, 4],
]);
const WRITES: ReadonlyMap<number, number> = new Map([
  [TCSETS, termios.size],
  [TCSETSW, termios.size],
  [TCSETSF, termios.size],
  [TCSETS2, termios2.size],
  [TCSETSW2, termios2.size],
  [TCSETSF2, termios2.size],
  [TIOCSWINSZ, winsize.size],
]);
const VALUES: ReadonlySet<number> = new Set([TCSBRK, TCSBRKP, TCXONC, TCFLSH]);

export function streamIoctl(stream: StdioInode, task: Task, request: number, arg: number): number | Failure {
  if (request === FIONREAD && (stream.kind !== 'null' || stream.unread)) return tellUnread(stream, task, arg);
  if (stream.kind !== 'terminal') return fail(E.ENOTTY);
  const reads = READS.get(request);
  if (reads !== undefined) return passRead(stream, task, request, arg, reads);
  const { hostFiles } = stream.services;
  const writes = WRITES.get(request);
  if (writes !== undefined) {
    const r = hostFiles.ioctl(stream.fd, request, task.memory.readBytes(userAddr(arg), writes));
    return r < 0 ? hostFailure(r) : 0;
  }
  if (VALUES.has(request)) {
    const r = hostFiles.ioctlValue(stream.fd, request, arg);
    return r < 0 ? hostFailure(r) : 0;
  }
  switch (request) {
    case TIOCGPGRP:
      task.memory.writeU32(userAddr(arg), stream.terminal.foreground ?? task.group.pgid);
      return 0;
    case TIOCSPGRP: {
      const pgid = task.memory.readU32(userAddr(arg)) | 0;
      if (pgid < 0) return fail(E.EINVAL);
      const [member] = task.kernel.tasks.processGroup(pgid);
      if (!member) return fail(E.ESRCH);
      if (member.sid !== task.group.sid) return fail(E.EPERM);
      stream.terminal.foreground = pgid;
      return 0;
    }
    case TIOCGSID:
      task.memory.writeU32(userAddr(arg), task.group.sid);
      return 0;
    case TIOCSCTTY:
    case TIOCNOTTY:
      return 0;
    default:
      return fail(E.ENOTTY);
  }
}

function tellUnread(stream: StdioInode, task: Task, arg: number): number | Failure {
  const size = new Uint8Array(4);
  const ended = stream.kind === 'null' || stream.kind === 'gone';
  const r = ended ? 0 : stream.services.hostFiles.ioctl(stream.fd, FIONREAD, size);
  if (r < 0) return hostFailure(r);
  const waiting = new DataView(size.buffer).getInt32(0, true);
  task.memory.writeU32(userAddr(arg), waiting + (stream.unread?.length ?? 0));
  return 0;
}

function passRead(
  stream: StdioInode,
  task: Task,
  request: number,
  arg: number,
  size: number,
): number | Failure {
  const buffer = new Uint8Array(size);
  const r = stream.services.hostFiles.ioctl(stream.fd, request, buffer);
  if (r < 0) return hostFailure(r);
  task.memory.write(userAddr(arg), buffer);
  return 0;
}
