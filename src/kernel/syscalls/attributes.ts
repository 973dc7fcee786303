/** chmod(2), fchmodat2(2), chown(2): the mode and the owner of a file. */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, atFlags } from '../../abi/open.js';
import { changeMode, changeOwner } from '../fs/change.js';
import type { FileDescription } from '../fs/file-description.js';
import { contextOf } from '../fs/fs-context.js';
import type { VfsPath } from '../fs/path.js';
import { placeOf } from '../fs/place-of.js';
import { walk } from '../fs/walk.js';
import { Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { dirfd, fd, flags, id, octalMode, path } from './codecs.js';
import { arg, syscall } from './declare.js';

const FILE = { classes: ['file'] } as const;
const DESC = { classes: ['desc'] } as const;
const BOTH = { classes: ['file', 'desc'] } as const;
const ownerArgs = [arg('owner', id), arg('group', id)] as const;

export const attributesCalls = [
  syscall(NR.chmod, 'chmod', [arg('pathname', path), arg('mode', octalMode)], FILE, (task, name, mode) =>
    chmod(task, AT_FDCWD, name, mode, 0),
  ),
  syscall(
    NR.fchmod,
    'fchmod',
    [arg('fd', fd), arg('mode', octalMode)],
    DESC,
    (task, n, mode) => changeMode(placeOf(task.files.require(n)), task.creds, mode) ?? 0,
  ),
  syscall(
    NR.fchmodat,
    'fchmodat',
    [arg('dirfd', dirfd), arg('pathname', path), arg('mode', octalMode)],
    BOTH,
    (task, at, name, mode) => chmod(task, at, name, mode, 0),
  ),
  syscall(
    NR.fchmodat2,
    'fchmodat2',
    [arg('dirfd', dirfd), arg('pathname', path), arg('mode', octalMode), arg('flags', flags(atFlags))],
    BOTH,
    chmod,
  ),
  syscall(NR.chown, 'chown', [arg('pathname', path), ...ownerArgs], FILE, (task, name, uid, gid) =>
    chown(task, AT_FDCWD, name, uid, gid, 0),
  ),
  syscall(NR.lchown, 'lchown', [arg('pathname', path), ...ownerArgs], FILE, (task, name, uid, gid) =>
    chown(task, AT_FDCWD, name, uid, gid, AT_SYMLINK_NOFOLLOW),
  ),
  syscall(
    NR.fchown,
    'fchown',
    [arg('fd', fd), ...ownerArgs],
    DESC,
    (task, n, uid, gid) =>
      changeOwner(placeOf(task.files.require(n)), task.creds, wanted(uid), wanted(gid)) ?? 0,
  ),
  syscall(
    NR.fchownat,
    'fchownat',
    [arg('dirfd', dirfd), arg('pathname', path), ...ownerArgs, arg('flags', flags(atFlags))],
    BOTH,
    chown,
  ),
];

function chmod(task: Task, at: number, name: string, mode: number, f: number): Result {
  const place = find(task, at, name, f);
  return place instanceof Failure ? place : (changeMode(place, task.creds, mode) ?? 0);
}

function chown(task: Task, at: number, name: string, uid: number, gid: number, f: number): Result {
  const place = find(task, at, name, f);
  return place instanceof Failure ? place : (changeOwner(place, task.creds, wanted(uid), wanted(gid)) ?? 0);
}

function find(task: Task, at: number, name: string, f: number): VfsPath | Failure {
  if (f & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return fail(E.EINVAL);
  if (name === '' && f & AT_EMPTY_PATH && at !== AT_FDCWD) {
    const file: FileDescription = task.files.requireAny(at);
    return placeOf(file);
  }
  return walk(contextOf(task, at, name), name, {
    followLast: !(f & AT_SYMLINK_NOFOLLOW),
    allowEmpty: (f & AT_EMPTY_PATH) !== 0,
  });
}

/** An id of -1 stays as it is. */
function wanted(value: number): number | undefined {
  return value === 0xffff_ffff ? undefined : value;
}
