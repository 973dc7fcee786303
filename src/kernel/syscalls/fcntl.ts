/** fcntl(2), dup(2), flock(2). Record locks are record-locks.ts. */
import { E } from '../../abi/errno.js';
import { isDirectory, S_IFIFO, S_IFMT } from '../../abi/mode.js';
import { NR } from '../../abi/numbers.js';
import {
  DN_MULTISHOT,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_DUPFD_QUERY,
  F_GET_RW_HINT,
  F_GETFD,
  F_GETFL,
  F_GETLEASE,
  F_GETLK,
  F_GETOWN,
  F_GETOWN_EX,
  F_GETPIPE_SZ,
  F_GETSIG,
  F_NOTIFY,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_SET_RW_HINT,
  F_SETFD,
  F_SETFL,
  F_SETLK,
  F_SETLKW,
  F_SETOWN,
  F_SETOWN_EX,
  F_SETPIPE_SZ,
  F_SETSIG,
  F_UNLCK,
  FASYNC,
  FD_CLOEXEC,
  fcntlCommands,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_APPEND,
  O_CLOEXEC,
  O_DIRECT,
  O_NOATIME,
  O_NONBLOCK,
  O_PATH,
} from '../../abi/open.js';
import { RLIMIT } from '../../abi/resource.js';
import { i32, struct } from '../../abi/struct.js';
import { userAddr } from '../../base/brand.js';
import { ownerOrCapable } from '../fs/access.js';
import { asyncOwnerOf, F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID } from '../fs/async-owner.js';
import type { FileDescription } from '../fs/file-description.js';
import { dropLocksAtClose, type LockTable, locksOf } from '../fs/locks/lock-table.js';
import { type Blocking, fail, type Outcome, RESTART_IF_SA_RESTART, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { block, IN, WOULD_BLOCK } from '../wait.js';
import { choice, choiceWithFlags, fd, oflags, word } from './codecs.js';
import { arg, syscall } from './declare.js';
import { getRecordLock, setRecordLock } from './record-locks.js';

const DESC = { classes: ['desc'] } as const;
/** Flags that F_SETFL can change. */
const SETTABLE = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC;
const ownerEx = struct('f_owner_ex', { type: i32, pid: i32 });
const MAX_SIGNAL = 64;

export const fcntlCalls = [
  syscall(
    NR.fcntl,
    'fcntl',
    [arg('fd', fd), arg('op', choice(fcntlCommands)), arg('arg', word)],
    { ...DESC, support: 'partial', note: 'no leases; F_NOTIFY only to end notices that there are none of' },
    fcntl,
  ),
  syscall(NR.dup, 'dup', [arg('oldfd', fd)], DESC, (task, n) =>
    duplicate(task, task.files.requireAny(n), 0, false),
  ),
  syscall(NR.dup2, 'dup2', [arg('oldfd', fd), arg('newfd', fd)], DESC, (task, from, to) => {
    if (from === to) {
      task.files.requireAny(from);
      return to;
    }
    return duplicateTo(task, from, to, false);
  }),
  syscall(
    NR.dup3,
    'dup3',
    [arg('oldfd', fd), arg('newfd', fd), arg('flags', oflags)],
    DESC,
    (task, from, to, flags) => {
      if (flags & ~O_CLOEXEC || from === to) return fail(E.EINVAL);
      return duplicateTo(task, from, to, (flags & O_CLOEXEC) !== 0);
    },
  ),
  syscall(
    NR.flock,
    'flock',
    [arg('fd', fd), arg('op', choiceWithFlags({ LOCK_SH, LOCK_EX, LOCK_UN }, ~LOCK_NB, { LOCK_NB }))],
    DESC,
    flock,
  ),
];

function fcntl(task: Task, n: number, command: number, argument: number): Result {
  const { files } = task;
  const file = files.requireAny(n);
  switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      return duplicate(task, file, argument | 0, command === F_DUPFD_CLOEXEC);
    case F_DUPFD_QUERY:
      return files.requireAny(argument | 0) === file ? 1 : 0;
    case F_GETFD:
      return files.isCloseOnExec(n) ? FD_CLOEXEC : 0;
    case F_SETFD:
      files.setCloseOnExec(n, (argument & FD_CLOEXEC) !== 0);
      return 0;
    case F_GETFL:
      return file.flags;
  }
  if (file.flags & O_PATH) return fail(E.EBADF);
  switch (command) {
    case F_SETFL:
      return setStatusFlags(task, n, file, argument | 0);
    case F_GETLK:
    case F_OFD_GETLK:
      return getRecordLock(task, file, command, userAddr(argument));
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
      return setRecordLock(task, file, command, userAddr(argument));
    case F_GETLEASE:
      return F_UNLCK;
    case F_NOTIFY:
      // No event is asked for but DN_MULTISHOT: that ends the notices of this descriptor.
      if ((argument & ~DN_MULTISHOT) === 0) return 0;
      return isDirectory(file.inode.mode) ? fail(E.EINVAL) : fail(E.ENOTDIR);
    case F_GET_RW_HINT:
      task.memory.writeU64(userAddr(argument), 0);
      return 0;
    case F_SET_RW_HINT:
      return task.memory.readU64(userAddr(argument)) > 5 ? fail(E.EINVAL) : 0;
    case F_SETPIPE_SZ:
    case F_GETPIPE_SZ:
      return (file.inode.mode & S_IFMT) === S_IFIFO ? file.fcntl(task, command, argument) : fail(E.EBADF);
  }
  return signalOwner(task, file, command, argument) ?? file.fcntl(task, command, argument);
}

function duplicate(task: Task, file: FileDescription, min: number, closeOnExec: boolean): Result {
  const limit = task.group.limits.number(RLIMIT.NOFILE);
  if (min < 0 || min >= limit) return fail(min === 0 ? E.EMFILE : E.EINVAL);
  file.retain();
  const n = task.files.install(file, { min, closeOnExec, limit });
  if (typeof n !== 'number') file.release();
  return n;
}

function duplicateTo(task: Task, from: number, to: number, closeOnExec: boolean): Result {
  if (to < 0 || to >= task.group.limits.number(RLIMIT.NOFILE)) return fail(E.EBADF);
  const file = task.files.requireAny(from);
  if (!task.files.mayHold(to)) return fail(E.ENOMEM);
  file.retain();
  task.files.installAt(to, file, { closeOnExec });
  return to;
}

/** Also for ioctl(2)'s FIOASYNC. */
export function setStatusFlags(task: Task, n: number, file: FileDescription, wanted: number): Result {
  if (wanted & O_NOATIME && !(file.flags & O_NOATIME)) {
    if (!ownerOrCapable(file.inode.attributes(), task.creds)) return fail(E.EPERM);
  }
  const settable = file.pollable ? SETTABLE : SETTABLE & ~FASYNC;
  if ((file.flags ^ wanted) & settable & FASYNC) {
    const owner = asyncOwnerOf(task, file);
    if (wanted & FASYNC) owner.start(n);
    else owner.stop();
  }
  file.flags = (file.flags & ~settable) | (wanted & settable);
  return 0;
}

function signalOwner(
  task: Task,
  file: FileDescription,
  command: number,
  argument: number,
): Result | undefined {
  const word = argument | 0;
  const owner = asyncOwnerOf(task, file);
  switch (command) {
    case F_SETOWN:
      if (word !== 0 && !isThere(task, word < 0 ? F_OWNER_PGRP : F_OWNER_PID, Math.abs(word)))
        return fail(E.ESRCH);
      owner.setOwner(task, word < 0 ? F_OWNER_PGRP : F_OWNER_PID, Math.abs(word));
      return 0;
    case F_GETOWN: {
      const { type, pid } = owner;
      // A small negative number would look like an errno; Linux has the same trouble, and libc asks by F_GETOWN_EX.
      return type === F_OWNER_PGRP ? -pid : pid;
    }
    case F_SETOWN_EX: {
      const { type, pid } = task.memory.readStruct(ownerEx, userAddr(argument));
      if (type !== F_OWNER_TID && type !== F_OWNER_PID && type !== F_OWNER_PGRP) return fail(E.EINVAL);
      if (pid !== 0 && !isThere(task, type, pid)) return fail(E.ESRCH);
      owner.setOwner(task, type, pid);
      return 0;
    }
    case F_GETOWN_EX: {
      const { type, pid } = owner;
      task.memory.writeStruct(ownerEx, userAddr(argument), { type, pid });
      return 0;
    }
    case F_SETSIG:
      if (word < 0 || word > MAX_SIGNAL) return fail(E.EINVAL);
      owner.signo = word;
      return 0;
    case F_GETSIG:
      return owner.signo;
  }
  return undefined;
}

function isThere({ kernel: { tasks } }: Task, type: number, id: number): boolean {
  if (type === F_OWNER_TID) return tasks.byTid(id) !== undefined;
  if (type === F_OWNER_PID) return tasks.byPid(id) !== undefined;
  for (const _ of tasks.processGroup(id)) return true;
  return false;
}

function flock(task: Task, n: number, operation: number): Result {
  const kind = operation & ~LOCK_NB;
  if (kind !== LOCK_SH && kind !== LOCK_EX && kind !== LOCK_UN) return fail(E.EINVAL);
  const file = task.files.require(n);
  const table = locksOf(file.inode);
  if (kind === LOCK_UN) {
    table.dropFlock(file);
    return 0;
  }
  dropLocksAtClose(file);
  const wanted = kind === LOCK_SH ? 'shared' : 'exclusive';
  if (table.tryFlock(file, wanted)) return 0;
  return operation & LOCK_NB ? fail(E.EAGAIN) : waitForFlock(table, file, wanted);
}

function* waitForFlock(
  table: LockTable,
  file: FileDescription,
  wanted: 'shared' | 'exclusive',
): Blocking<Outcome> {
  file.retain();
  try {
    const got = yield* block(table.queue, IN, () => (table.tryFlock(file, wanted) ? 0 : WOULD_BLOCK));
    return typeof got === 'string' ? RESTART_IF_SA_RESTART : got;
  } finally {
    file.release();
  }
}
