/** ioctl(2) requests that a master answers differently, or that only a master knows: ptmx(4), ioctl_tty(2). */
import { E } from '../../../abi/errno.js';
import { AT_FDCWD, O_CLOEXEC } from '../../../abi/open.js';
import { RLIMIT } from '../../../abi/resource.js';
import {
  FIONREAD,
  TCFLSH,
  TCIFLUSH,
  TCOFLUSH,
  TCSBRK,
  TCSBRKP,
  TCXONC,
  TIOCGPGRP,
  TIOCGPKT,
  TIOCGPTLCK,
  TIOCGPTN,
  TIOCGPTPEER,
  TIOCGSID,
  TIOCNOTTY,
  TIOCOUTQ,
  TIOCPKT,
  TIOCSPTLCK,
} from '../../../abi/termios.js';
import { userAddr } from '../../../base/brand.js';
import { Failure, fail, type Result } from '../../outcome.js';
import type { Task } from '../../task/task.js';
import { contextOf } from '../fs-context.js';
import { walk } from '../walk.js';
import type { MasterFile } from './master-file.js';
import { PtsInode } from './pts-inode.js';
import { MASTER_HOLDS } from './terminal.js';
import { commonIoctl, sessionOf } from './tty-ioctl.js';

export function masterIoctl(file: MasterFile, task: Task, request: number, arg: number): Result {
  const { terminal } = file;
  const at = userAddr(arg);
  switch (request) {
    case TIOCGPTN:
      task.memory.writeU32(at, terminal.index);
      return 0;
    case TIOCSPTLCK:
      terminal.locked = task.memory.readU32(at) !== 0;
      return 0;
    case TIOCGPTLCK:
      task.memory.writeU32(at, terminal.locked ? 1 : 0);
      return 0;
    case TIOCGPTPEER:
      return openPeer(file, task, arg);
    case TIOCPKT: {
      const on = task.memory.readU32(at) !== 0;
      if (on && !terminal.packet) terminal.packetStatus = 0;
      terminal.packet = on;
      return 0;
    }
    case TIOCGPKT:
      task.memory.writeU32(at, terminal.packet ? 1 : 0);
      return 0;
    case FIONREAD:
      task.memory.writeU32(at, Math.min(terminal.output.length, MASTER_HOLDS));
      return 0;
    case TIOCOUTQ:
      task.memory.writeU32(at, 0);
      return 0;
    case TIOCGPGRP:
      task.memory.writeU32(at, terminal.foreground ?? 0);
      return 0;
    case TIOCGSID:
      return sessionOf(task, terminal, arg);
    case TIOCNOTTY:
      return fail(E.ENOTTY);
    case TCSBRK:
    case TCSBRKP:
    case TCXONC:
      return 0;
    case TCFLSH:
      if (arg < TCIFLUSH || arg > 2) return fail(E.EINVAL);
      if (arg !== TCOFLUSH) terminal.output.truncate(0);
      return 0;
    default:
      return commonIoctl(file, task, request, arg);
  }
}

/** The slave, though its name be out of reach; the argument is open(2)'s flags. */
function openPeer(file: MasterFile, task: Task, flags: number): Result {
  const { terminal } = file;
  const name = `/dev/pts/${terminal.index}`;
  const place = walk(contextOf(task, AT_FDCWD, name), name, { followLast: true });
  const found = place instanceof Failure ? undefined : place;
  const inode = found?.dentry.inode;
  if (!(inode instanceof PtsInode) || inode.terminal !== terminal) return fail(E.EIO);
  const opened = inode.open(flags & ~O_CLOEXEC, found);
  if (opened instanceof Failure) return opened;
  const limit = task.group.limits.number(RLIMIT.NOFILE);
  const fd = task.files.install(opened, { closeOnExec: (flags & O_CLOEXEC) !== 0, limit });
  if (fd instanceof Failure) opened.release();
  return fd;
}
