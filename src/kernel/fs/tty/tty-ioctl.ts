/**
 * ioctl(2) of terminals, ioctl_tty(2). Requests about settings, size and sessions mean the slave side
 * whichever side is asked; those that only a master knows are in master-ioctl.ts.
 */
import { E } from '../../../abi/errno.js';
import { O_ACCMODE, O_WRONLY } from '../../../abi/open.js';
import { SIG } from '../../../abi/signal.js';
import {
  FIONREAD,
  TCFLSH,
  TCIFLUSH,
  TCIOFF,
  TCIOFLUSH,
  TCION,
  TCOFLUSH,
  TCOOFF,
  TCOON,
  TCSBRK,
  TCSBRKP,
  TCXONC,
  TIOCEXCL,
  TIOCGDEV,
  TIOCGETD,
  TIOCGEXCL,
  TIOCGPGRP,
  TIOCGSID,
  TIOCGWINSZ,
  TIOCNOTTY,
  TIOCNXCL,
  TIOCOUTQ,
  TIOCSCTTY,
  TIOCSETD,
  TIOCSPGRP,
  TIOCSTI,
  TIOCSWINSZ,
  TIOCVHANGUP,
  VSTART,
  VSTOP,
  winsize,
} from '../../../abi/termios.js';
import { userAddr } from '../../../base/brand.js';
import { CAP, has } from '../../auth/credentials.js';
import { Failure, fail, Restart, type Result } from '../../outcome.js';
import type { Task } from '../../task/task.js';
import type { FileDescription } from '../file-description.js';
import { giveUpControlling, hangUp, setControlling } from './controlling.js';
import { ptyDevice } from './device-number.js';
import { checkForeground } from './job-control.js';
import { DISABLED } from './settings.js';
import type { SlaveFile } from './slave-file.js';
import type { Terminal } from './terminal.js';
import { termiosIoctl } from './termios-ioctl.js';

/** N_TTY: the one line discipline there is. */
const N_TTY = 0;

/** The requests of a slave. */
export function terminalIoctl(file: SlaveFile, task: Task, request: number, arg: number): Result {
  const { terminal } = file;
  if (file.hungUp) return fail(request === TIOCSPGRP ? E.ENOTTY : E.EIO);
  const at = userAddr(arg);
  switch (request) {
    case FIONREAD:
      task.memory.writeU32(at, terminal.line.readable);
      return 0;
    case TIOCOUTQ:
      task.memory.writeU32(at, 0);
      return 0;
    case TCSBRK:
    case TCSBRKP:
      return checkForeground(task, terminal, SIG.TTOU) ?? 0;
    case TCXONC:
      return checkForeground(task, terminal, SIG.TTOU) ?? controlFlow(terminal, arg);
    case TCFLSH:
      return checkForeground(task, terminal, SIG.TTOU) ?? flush(terminal, arg);
    case TIOCGPGRP:
      if (task.group.terminal !== terminal) return fail(E.ENOTTY);
      task.memory.writeU32(at, terminal.foreground ?? 0);
      return 0;
    case TIOCGSID:
      if (task.group.terminal !== terminal) return fail(E.ENOTTY);
      return sessionOf(task, terminal, arg);
    case TIOCNOTTY:
      return giveUpControlling(task, terminal);
    default:
      return commonIoctl(file, task, request, arg);
  }
}

/** The requests that mean the same on both sides. */
export function commonIoctl(
  file: FileDescription & { readonly terminal: Terminal },
  task: Task,
  request: number,
  arg: number,
): Result {
  const { terminal } = file;
  const at = userAddr(arg);
  switch (request) {
    case TIOCGWINSZ:
      task.memory.writeStruct(winsize, at, { ...terminal.size });
      return 0;
    case TIOCSWINSZ:
      terminal.setSize(task.memory.readStruct(winsize, at));
      return 0;
    case TIOCSPGRP:
      return setForeground(task, terminal, arg);
    case TIOCSCTTY:
      return setControlling(task, terminal, { force: arg === 1, readable: isReadable(file) });
    case TIOCEXCL:
      terminal.exclusive = true;
      return 0;
    case TIOCNXCL:
      terminal.exclusive = false;
      return 0;
    case TIOCGEXCL:
      task.memory.writeU32(at, terminal.exclusive ? 1 : 0);
      return 0;
    case TIOCGETD:
      task.memory.writeU32(at, N_TTY);
      return 0;
    case TIOCSETD: {
      const refused = checkForeground(task, terminal, SIG.TTOU);
      if (refused) return refused;
      return task.memory.readU32(at) === N_TTY ? 0 : fail(E.EINVAL);
    }
    case TIOCGDEV:
      task.memory.writeU32(at, ptyDevice(terminal.index));
      return 0;
    case TIOCSTI:
      // Faking input is off, as dev.tty.legacy_tiocsti=0 has it, for everybody.
      return fail(E.EIO);
    case TIOCVHANGUP:
      if (!has(task.creds, CAP.SYS_ADMIN)) return fail(E.EPERM);
      hangUp(terminal.tasks, terminal);
      return 0;
    default:
      return termiosIoctl(terminal, task, request, arg);
  }
}

export function sessionOf(task: Task, terminal: Terminal, arg: number): Result {
  if (terminal.session === undefined) return fail(E.ENOTTY);
  task.memory.writeU32(userAddr(arg), terminal.session);
  return 0;
}

function isReadable(file: FileDescription): boolean {
  return (file.flags & O_ACCMODE) !== O_WRONLY;
}

/** tcsetpgrp(3). */
function setForeground(task: Task, terminal: Terminal, arg: number): Result {
  const { group, kernel } = task;
  const refused = checkForeground(task, terminal, SIG.TTOU);
  if (refused instanceof Failure) return fail(E.ENOTTY);
  if (refused instanceof Restart) return refused;
  const pgid = task.memory.readU32(userAddr(arg)) | 0;
  if (pgid < 0) return fail(E.EINVAL);
  if (group.terminal !== terminal || terminal.session !== group.sid) return fail(E.ENOTTY);
  const [member] = kernel.tasks.processGroup(pgid);
  // Any process's number will do, though nobody be in a group of that name.
  const owner = member ?? kernel.tasks.byTid(pgid)?.group;
  if (!owner) return fail(E.ESRCH);
  if (owner.sid !== group.sid) return fail(E.EPERM);
  terminal.foreground = pgid;
  return 0;
}

/** tcflow(3). */
function controlFlow(terminal: Terminal, what: number): Result {
  const { flow, termios } = terminal;
  switch (what) {
    case TCOOFF:
      terminal.stopOutput();
      flow.byProgram = true;
      return 0;
    case TCOON:
      if (!flow.byProgram) return 0;
      flow.byProgram = false;
      terminal.startOutput();
      return 0;
    case TCIOFF:
    case TCION: {
      const char = termios.cc[what === TCIOFF ? VSTOP : VSTART] as number;
      if (char !== DISABLED) terminal.sendChar(char);
      return 0;
    }
    default:
      return fail(E.EINVAL);
  }
}

/** tcflush(3). */
function flush(terminal: Terminal, what: number): Result {
  if (what !== TCIFLUSH && what !== TCOFLUSH && what !== TCIOFLUSH) return fail(E.EINVAL);
  if (what !== TCOFLUSH) terminal.flushInput();
  if (what !== TCIFLUSH) terminal.flushOutput();
  return 0;
}
