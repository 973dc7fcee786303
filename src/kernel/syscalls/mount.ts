/**
 * mount(2), umount2(2), pivot_root(2). Every mount is private: there is no propagation, and asking for a
 * kind of it changes nothing.
 */
import { E } from '../../abi/errno.js';
import { isDirectory } from '../../abi/mode.js';
import {
  MNT_DETACH,
  MNT_EXPIRE,
  MNT_FORCE,
  MS_BIND,
  MS_MOVE,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_UNBINDABLE,
  mountFlags,
  UMOUNT_NOFOLLOW,
  umountFlags,
} from '../../abi/mount.js';
import { NR } from '../../abi/numbers.js';
import { AT_FDCWD, PATH_MAX } from '../../abi/open.js';
import type { UserAddr } from '../../base/brand.js';
import { CAP, has } from '../auth/credentials.js';
import { newFileSystem } from '../fs/file-system-types.js';
import { contextOf } from '../fs/fs-context.js';
import type { Mount, VfsPath } from '../fs/path.js';
import { isReachable } from '../fs/path-name.js';
import { walk } from '../fs/walk.js';
import { type Failure, fail, must, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, cString, flags, path, pathOrNull } from './codecs.js';
import { arg, type Codec, syscall } from './declare.js';

const FILE = { classes: ['file'] } as const;
const fsType: Codec<string | undefined> = {
  decode: (task, lo, hi) => ((lo | hi) === 0 ? undefined : typeName.decode(task, lo, hi)),
  show: (value, call) => (value === undefined ? 'NULL' : typeName.show(value, call)),
};
const typeName = cString(PATH_MAX, E.EINVAL);

/** "Magic" that old programs put in the upper half. */
const MAGIC_MASK = 0xffff_0000;
const MAGIC = 0xc0ed_0000;
/** What stays with a mount. */
const PER_MOUNT =
  MS_RDONLY |
  MS_NOSUID |
  MS_NODEV |
  MS_NOEXEC |
  MS_NOATIME |
  MS_NODIRATIME |
  MS_RELATIME |
  MS_STRICTATIME |
  MS_NOSYMFOLLOW;
const PROPAGATION = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;

export const mountCalls = [
  syscall(
    NR.mount,
    'mount',
    [
      arg('source', pathOrNull),
      arg('target', path),
      arg('filesystemtype', fsType),
      arg('mountflags', flags(mountFlags)),
      arg('data', addr),
    ],
    {
      ...FILE,
      support: 'partial',
      note: 'tmpfs, proc, sysfs, devtmpfs, bind, move, remount; no propagation',
    },
    mount,
  ),
  syscall(NR.umount2, 'umount2', [arg('target', path), arg('flags', flags(umountFlags))], FILE, umount),
  syscall(NR.pivot_root, 'pivot_root', [arg('new_root', path), arg('put_old', path)], FILE, pivotRoot),
];

function mount(
  task: Task,
  source: string | undefined,
  target: string,
  type: string | undefined,
  given: number,
  dataAt: UserAddr,
): Result {
  const f = (given & MAGIC_MASK) >>> 0 === MAGIC ? given & ~MAGIC_MASK : given;
  const data = readData(task, dataAt);
  const at = must(find(task, target));
  if (!has(task.creds, CAP.SYS_ADMIN)) return fail(E.EPERM);
  const { mounts } = task.fs;
  if (f & MS_REMOUNT) return remount(at, f);
  if (f & MS_BIND) {
    const from = must(find(task, source));
    if (isDirectory(from.dentry.inode.mode) !== isDirectory(at.dentry.inode.mode)) return fail(E.ENOTDIR);
    mounts.bind(from, at, { recursive: (f & MS_REC) !== 0 });
    return 0;
  }
  if (f & PROPAGATION) return isMountRoot(at) ? 0 : fail(E.EINVAL);
  if (f & MS_MOVE) {
    const from = must(find(task, source));
    if (!isMountRoot(from)) return fail(E.EINVAL);
    return mounts.move(from.mount, at) ?? 0;
  }
  if (type === undefined) return fail(E.EINVAL);
  const fs = must(newFileSystem(task.kernel, type, data));
  if (!isDirectory(at.dentry.inode.mode)) return fail(E.ENOTDIR);
  mounts.mount(fs, at, { flags: perMount(f), source: source ?? 'none' });
  return 0;
}

function remount(at: VfsPath, f: number): Result {
  if (!isMountRoot(at)) return fail(E.EINVAL);
  at.mount.flags = perMount(f);
  return 0;
}

function perMount(f: number): number {
  const kept = f & PER_MOUNT;
  return kept & (MS_NOATIME | MS_STRICTATIME) ? kept : kept | MS_RELATIME;
}

/** What mount(2) takes as data: at most a page, a string for all file systems here. */
function readData(task: Task, at: UserAddr): string {
  return at === 0 ? '' : cString(PATH_MAX - 1, E.EINVAL).decode(task, at >>> 0, Math.floor(at / 2 ** 32));
}

function find(task: Task, name: string | undefined): VfsPath | Failure {
  if (name === undefined) return fail(E.EINVAL);
  return walk(contextOf(task, AT_FDCWD, name), name, { followLast: true });
}

function isMountRoot(place: VfsPath): boolean {
  return place.dentry === place.mount.root;
}

function umount(task: Task, target: string, f: number): Result {
  if (f & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) return fail(E.EINVAL);
  const at = must(walk(contextOf(task, AT_FDCWD, target), target, { followLast: !(f & UMOUNT_NOFOLLOW) }));
  if (!isMountRoot(at)) return fail(E.EINVAL);
  if (!has(task.creds, CAP.SYS_ADMIN)) return fail(E.EPERM);
  if (f & MNT_EXPIRE) return fail(f & (MNT_FORCE | MNT_DETACH) ? E.EINVAL : E.EAGAIN);
  const detach = (f & MNT_DETACH) !== 0;
  if (at.mount === task.fs.root.mount) return fail(E.EINVAL);
  if (!detach && isBusy(task, at.mount)) return fail(E.EBUSY);
  return task.fs.mounts.umount(at.mount, { detach }) ?? 0;
}

/** Whether anybody stands in the mount or has a file of it open. */
function isBusy(task: Task, mount: Mount): boolean {
  for (const other of task.kernel.tasks.all()) {
    if (other.fs.cwd.mount === mount || other.fs.root.mount === mount) return true;
    for (const [, file] of other.files.entries()) if (file.path?.mount === mount) return true;
  }
  return false;
}

function pivotRoot(task: Task, newRoot: string, putOld: string): Result {
  if (!has(task.creds, CAP.SYS_ADMIN)) return fail(E.EPERM);
  const to = must(walk(contextOf(task, AT_FDCWD, newRoot), newRoot, { followLast: true, directory: true }));
  const old = must(walk(contextOf(task, AT_FDCWD, putOld), putOld, { followLast: true, directory: true }));
  const { root, mounts } = task.fs;
  if (to.mount === root.mount || old.mount === root.mount) return fail(E.EBUSY);
  if (!isMountRoot(to) || !isMountRoot(root) || !to.mount.parent) return fail(E.EINVAL);
  if (root.mount !== mounts.root.mount || !isReachable(old, to)) return fail(E.EINVAL);
  mounts.pivot(to.mount, old);
  // Everybody who stood at the old root now stands at the new one.
  for (const other of task.kernel.tasks.all()) {
    if (other.fs.mounts !== mounts) continue;
    if (isSame(other.fs.root, root)) other.fs.root = to;
    if (isSame(other.fs.cwd, root)) other.fs.cwd = to;
  }
  return 0;
}

function isSame(a: VfsPath, b: VfsPath): boolean {
  return a.mount === b.mount && a.dentry === b.dentry;
}
