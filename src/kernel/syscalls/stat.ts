/** stat(2), statx(2), statfs(2), access(2). utimensat(2) and its like are utime.ts. */
import { E } from '../../abi/errno.js';
import { accessModes, isRegular, majorOf, minorOf, R_OK, W_OK, X_OK } from '../../abi/mode.js';
import { MS_NOEXEC, MS_RELATIME } from '../../abi/mount.js';
import { NR } from '../../abi/numbers.js';
import {
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_STATX_SYNC_TYPE,
  AT_SYMLINK_NOFOLLOW,
  accessFlags,
  atFlags,
} from '../../abi/open.js';
import {
  ST_RELATIME,
  ST_VALID,
  STATX_ATTR_MOUNT_ROOT,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_MNT_ID,
  STATX_RESERVED,
  statfs as statfsStruct,
  stat as statStruct,
  statxMasks,
  statx as statxStruct,
} from '../../abi/stat.js';
import type { UserAddr } from '../../base/brand.js';
import type { Timespec } from '../../base/clock.js';
import type { Credentials } from '../auth/credentials.js';
import { checkAccess, checkWritableMount } from '../fs/access.js';
import { contextOf } from '../fs/fs-context.js';
import type { FileSystem, Inode } from '../fs/inode.js';
import type { VfsPath } from '../fs/path.js';
import { walk } from '../fs/walk.js';
import { Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { dirfd, fd, flags, path, pathOrNull, structOut } from './codecs.js';
import { arg, syscall } from './declare.js';
import { utimeCalls } from './utime.js';

const FILE = { classes: ['file'] } as const;
const DESC = { classes: ['desc'] } as const;
const BOTH = { classes: ['file', 'desc'] } as const;
const statArgs = [arg('pathname', path), arg('statbuf', structOut(statStruct))] as const;

export const statCalls = [
  syscall(NR.stat, 'stat', statArgs, FILE, (task, p, at) => stat(task, AT_FDCWD, p, at, 0)),
  syscall(NR.lstat, 'lstat', statArgs, FILE, (task, p, at) =>
    stat(task, AT_FDCWD, p, at, AT_SYMLINK_NOFOLLOW),
  ),
  syscall(NR.fstat, 'fstat', [arg('fd', fd), arg('statbuf', structOut(statStruct))], DESC, (task, n, at) =>
    writeStat(task, at, task.files.requireAny(n).inode),
  ),
  syscall(
    NR.newfstatat,
    'newfstatat',
    [
      arg('dirfd', dirfd),
      arg('pathname', pathOrNull),
      arg('statbuf', structOut(statStruct)),
      arg('flags', flags(atFlags)),
    ],
    BOTH,
    stat,
  ),
  syscall(
    NR.statx,
    'statx',
    [
      arg('dirfd', dirfd),
      arg('pathname', pathOrNull),
      arg('flags', flags(atFlags)),
      arg('mask', flags(statxMasks)),
      arg('statxbuf', structOut(statxStruct)),
    ],
    BOTH,
    statx,
  ),
  syscall(
    NR.statfs,
    'statfs',
    [arg('path', path), arg('buf', structOut(statfsStruct))],
    FILE,
    (task, p, at) => {
      const place = walk(contextOf(task, AT_FDCWD, p), p, { followLast: true });
      if (place instanceof Failure) return place;
      return writeStatfs(task, at, place.dentry.inode.fs, place.mount.flags);
    },
  ),
  syscall(
    NR.fstatfs,
    'fstatfs',
    [arg('fd', fd), arg('buf', structOut(statfsStruct))],
    DESC,
    (task, n, at) => {
      const file = task.files.requireAny(n);
      return writeStatfs(task, at, file.inode.fs, file.path?.mount.flags ?? 0);
    },
  ),
  syscall(
    NR.access,
    'access',
    [arg('pathname', path), arg('mode', flags(accessModes, { zero: 'F_OK' }))],
    FILE,
    (task, p, mode) => access(task, AT_FDCWD, p, mode, 0),
  ),
  syscall(
    NR.faccessat,
    'faccessat',
    [arg('dirfd', dirfd), arg('pathname', path), arg('mode', flags(accessModes, { zero: 'F_OK' }))],
    BOTH,
    (task, at, p, mode) => access(task, at, p, mode, 0),
  ),
  syscall(
    NR.faccessat2,
    'faccessat2',
    [
      arg('dirfd', dirfd),
      arg('pathname', path),
      arg('mode', flags(accessModes, { zero: 'F_OK' })),
      arg('flags', flags(accessFlags)),
    ],
    BOTH,
    access,
  ),
  ...utimeCalls,
];

interface Found {
  readonly inode: Inode;
  readonly place: VfsPath | undefined;
}

/** What a path, or with AT_EMPTY_PATH and no path a descriptor, refers to. */
function find(task: Task, at: number, name: string | undefined, f: number): Found | Failure {
  if (name === undefined && !(f & AT_EMPTY_PATH)) return fail(E.EFAULT);
  if (!name && f & AT_EMPTY_PATH) {
    if (at === AT_FDCWD) return { inode: task.fs.cwd.dentry.inode, place: task.fs.cwd };
    const file = task.files.requireAny(at);
    return { inode: file.inode, place: file.path };
  }
  const ctx = contextOf(task, at, name);
  const place = walk(ctx, name ?? '', { followLast: !(f & AT_SYMLINK_NOFOLLOW) });
  return place instanceof Failure ? place : { inode: place.dentry.inode, place };
}

function stat(task: Task, at: number, name: string | undefined, into: UserAddr, f: number): Result {
  if (f & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
    return fail(E.EINVAL);
  const found = find(task, at, name, f);
  return found instanceof Failure ? found : writeStat(task, into, found.inode);
}

function writeStat(task: Task, into: UserAddr, inode: Inode): Result {
  task.memory.writeStruct(statStruct, into, { ...inode.attributes(), pad0: 0, unused: [0, 0, 0] });
  return 0;
}

function statx(
  task: Task,
  at: number,
  name: string | undefined,
  f: number,
  mask: number,
  into: UserAddr,
): Result {
  if (mask & STATX_RESERVED) return fail(E.EINVAL);
  if ((f & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE) return fail(E.EINVAL);
  if (f & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
    return fail(E.EINVAL);
  const found = find(task, at, name, f);
  if (found instanceof Failure) return found;
  const { inode, place } = found;
  const a = inode.attributes();
  const isMountRoot = place !== undefined && place.dentry === place.mount.root;
  task.memory.writeStruct(statxStruct, into, {
    ...a,
    mask: STATX_BASIC_STATS | (a.btime ? STATX_BTIME : 0) | (place ? STATX_MNT_ID : 0),
    attributes: isMountRoot ? STATX_ATTR_MOUNT_ROOT : 0,
    attributesMask: STATX_ATTR_MOUNT_ROOT,
    spare0: 0,
    atime: stamp(a.atime),
    btime: stamp(a.btime ?? { sec: 0, nsec: 0 }),
    ctime: stamp(a.ctime),
    mtime: stamp(a.mtime),
    rdevMajor: majorOf(a.rdev),
    rdevMinor: minorOf(a.rdev),
    devMajor: majorOf(a.dev),
    devMinor: minorOf(a.dev),
    mntId: place?.mount.id ?? 0,
    dioMemAlign: 0,
    dioOffsetAlign: 0,
    spare3: NO_SPARE,
  });
  return 0;
}

const NO_SPARE = new Array<number>(12).fill(0);

function stamp(t: Timespec): { sec: number; nsec: number; reserved: number } {
  return { sec: t.sec, nsec: t.nsec, reserved: 0 };
}

/** MS_* bits that statfs shows under the same number. */
const SAME_FLAGS = 0xc0f;

function writeStatfs(task: Task, into: UserAddr, fs: FileSystem, mount: number): Result {
  const s = fs.statfs();
  const relatime = mount & MS_RELATIME ? ST_RELATIME : 0;
  task.memory.writeStruct(statfsStruct, into, {
    ...s,
    flags: s.flags | ST_VALID | (mount & SAME_FLAGS) | relatime,
    fsid: [fs.dev, 0],
    frsize: s.bsize,
    spare: [0, 0, 0, 0],
  });
  return 0;
}

function access(task: Task, at: number, name: string, mode: number, f: number): Result {
  if (mode & ~(R_OK | W_OK | X_OK)) return fail(E.EINVAL);
  if (f & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return fail(E.EINVAL);
  const creds = f & AT_EACCESS ? task.creds : asReal(task.creds);
  const found = findAs(task, creds, at, name, f);
  if (found instanceof Failure) return found;
  const { inode, place } = found;
  if (mode & X_OK && isRegular(inode.mode) && place && place.mount.flags & MS_NOEXEC) return fail(E.EACCES);
  const refused = checkAccess(inode, creds, mode);
  if (refused) return refused;
  return (mode & W_OK && place && checkWritableMount(place)) || 0;
}

function findAs(task: Task, creds: Credentials, at: number, name: string, f: number): Found | Failure {
  if (name === '' && f & AT_EMPTY_PATH) return find(task, at, name, f);
  const ctx = { ...contextOf(task, at, name), creds };
  const place = walk(ctx, name, { followLast: !(f & AT_SYMLINK_NOFOLLOW) });
  return place instanceof Failure ? place : { inode: place.dentry.inode, place };
}

/** access(2) asks for the real user: a set-user-ID program learns what its caller may do. */
function asReal(creds: Credentials): Credentials {
  const effective = creds.uid === 0 ? creds.permitted : 0n;
  if (creds.fsuid === creds.uid && creds.fsgid === creds.gid && creds.effective === effective) return creds;
  return { ...creds, fsuid: creds.uid, fsgid: creds.gid, effective };
}
