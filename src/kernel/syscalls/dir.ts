/** getdents64(2), getcwd(2), chdir(2), chroot(2), mkdir(2), rmdir(2), umask(2). */
import { dirent64Size, direntSize, writeDirent, writeDirent64 } from '../../abi/dirent.js';
import { E } from '../../abi/errno.js';
import { isDirectory } from '../../abi/mode.js';
import { NR } from '../../abi/numbers.js';
import { AT_FDCWD, PATH_MAX } from '../../abi/open.js';
import type { UserAddr } from '../../base/brand.js';
import { bytesOf } from '../../base/bytes.js';
import { CAP, has } from '../auth/credentials.js';
import { checkAccess, MAY } from '../fs/access.js';
import type { DirEntry } from '../fs/file-description.js';
import { contextOf } from '../fs/fs-context.js';
import { makeDirectory } from '../fs/make.js';
import type { VfsPath } from '../fs/path.js';
import { isReachable, pathName } from '../fs/path-name.js';
import { removeDirectory } from '../fs/remove.js';
import { walk } from '../fs/walk.js';
import { Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, dirfd, fd, octalMode, outBuffer, path, size, uint } from './codecs.js';
import { arg, syscall } from './declare.js';

const FILE = { classes: ['file'] } as const;
const DESC = { classes: ['desc'] } as const;
const BOTH = { classes: ['file', 'desc'] } as const;

export const dirCalls = [
  syscall(
    NR.getdents,
    'getdents',
    [arg('fd', fd), arg('dirp', addr), arg('count', uint)],
    DESC,
    (task, n, at, count) => getdents(task, n, at, count, direntSize, writeDirent),
  ),
  syscall(
    NR.getdents64,
    'getdents64',
    [arg('fd', fd), arg('dirp', addr), arg('count', uint)],
    DESC,
    (task, n, at, count) => getdents(task, n, at, count, dirent64Size, writeDirent64),
  ),
  syscall(NR.getcwd, 'getcwd', [arg('buf', outBuffer('size')), arg('size', size)], FILE, getcwd),
  syscall(NR.chdir, 'chdir', [arg('path', path)], FILE, (task, name) => {
    const place = walk(contextOf(task, AT_FDCWD, name), name, { followLast: true, directory: true });
    return place instanceof Failure ? place : enter(task, place);
  }),
  syscall(NR.fchdir, 'fchdir', [arg('fd', fd)], DESC, (task, n) => {
    const file = task.files.requireAny(n);
    if (!file.path || !isDirectory(file.inode.mode)) return fail(E.ENOTDIR);
    return enter(task, file.path);
  }),
  syscall(NR.chroot, 'chroot', [arg('path', path)], FILE, (task, name) => {
    const place = walk(contextOf(task, AT_FDCWD, name), name, { followLast: true, directory: true });
    if (place instanceof Failure) return place;
    const refused = checkAccess(place.dentry.inode, task.creds, MAY.EXEC);
    if (refused) return refused;
    if (!has(task.creds, CAP.SYS_CHROOT)) return fail(E.EPERM);
    task.fs.root = place;
    return 0;
  }),
  syscall(NR.mkdir, 'mkdir', [arg('pathname', path), arg('mode', octalMode)], FILE, (task, name, mode) =>
    mkdir(task, AT_FDCWD, name, mode),
  ),
  syscall(
    NR.mkdirat,
    'mkdirat',
    [arg('dirfd', dirfd), arg('pathname', path), arg('mode', octalMode)],
    BOTH,
    mkdir,
  ),
  syscall(
    NR.rmdir,
    'rmdir',
    [arg('pathname', path)],
    FILE,
    (task, name) => removeDirectory(contextOf(task, AT_FDCWD, name), name) ?? 0,
  ),
  syscall(NR.umask, 'umask', [arg('mask', octalMode)], { returns: 'octal' }, (task, mask) => {
    const before = task.fs.umask;
    task.fs.umask = mask & 0o777;
    return before;
  }),
];

function mkdir(task: Task, at: number, name: string, mode: number): Result {
  const made = makeDirectory(contextOf(task, at, name), name, mode);
  return made instanceof Failure ? made : 0;
}

function enter(task: Task, place: VfsPath): Result {
  const refused = checkAccess(place.dentry.inode, task.creds, MAY.EXEC);
  if (refused) return refused;
  task.fs.cwd = place;
  return 0;
}

function getcwd(task: Task, into: UserAddr, length: number): Result {
  const { cwd, root } = task.fs;
  if (cwd.dentry.deleted) return fail(E.ENOENT);
  const name = pathName(cwd, root);
  const text = isReachable(cwd, root) ? name : `(unreachable)${name}`;
  if (text.length + 1 > PATH_MAX) return fail(E.ENAMETOOLONG);
  if (text.length + 1 > length) return fail(E.ERANGE);
  task.memory.write(into, bytesOf(`${text}\0`));
  // The system call, unlike libc's getcwd, gives the length with the NUL.
  return text.length + 1;
}

/** What one call hands out at most; programs ask for 32 KiB or less, and some for a megabyte. */
const MAX_DIRENTS = 1 << 20;
let records = new Uint8Array(32_768);

function getdents(
  task: Task,
  n: number,
  into: UserAddr,
  count: number,
  sizeOf: (nameLength: number) => number,
  write: (view: DataView, at: number, entry: DirEntry) => number,
): Result {
  const file = task.files.require(n);
  if (!isDirectory(file.inode.mode)) return fail(E.ENOTDIR);
  if (file.path?.dentry.deleted && file.offset === 0) return fail(E.ENOENT);
  const room = Math.min(count, MAX_DIRENTS);
  if (room > records.length) records = new Uint8Array(room);
  const view = new DataView(records.buffer);
  const start = file.offset;
  let used = 0;
  let refused = false;
  const failed = file.readDirectory((entry) => {
    const length = sizeOf(entry.name.length);
    if (used + length > room) {
      refused = true;
      return false;
    }
    used += write(view, used, entry);
    return true;
  });
  if (failed && used === 0) return failed;
  // Not even one entry fits.
  if (used === 0) return refused ? fail(E.EINVAL) : 0;
  if (task.memory.tryWrite(into, records.subarray(0, used)) !== used) {
    file.seek(start, 0);
    return fail(E.EFAULT);
  }
  return used;
}
