/**
 * Opening files, open(2) and openat2(2): flags, creation, permission. Linux: do_open in fs/namei.c.
 *
 * Used by the system calls, the loader and boot alike; `openFile` gives a description with one
 * reference, which is the caller's. It does not wait: FileDescription.finishOpen does.
 */
import { E } from '../../abi/errno.js';
import {
  isDirectory,
  isRegular,
  isSymlink,
  S_IFBLK,
  S_IFCHR,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '../../abi/mode.js';
import { MS_NODEV, MS_RDONLY } from '../../abi/mount.js';
import {
  O_ACCMODE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_LARGEFILE,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from '../../abi/open.js';
import { Failure, fail } from '../outcome.js';
import { checkAccess, MAY, mayCreate, newOwner, ownerOrCapable, wantWrite } from './access.js';
import { newDentry } from './dentry-cache.js';
import { FileDescription, type Tried } from './file-description.js';
import type { Inode } from './inode.js';
import type { VfsPath } from './path.js';
import { lookupChild, type WalkContext, Walker, walk } from './walk.js';

const TMPFILE_BIT = O_TMPFILE & ~O_DIRECTORY;
/** What a description with O_PATH keeps of its flags. */
const PATH_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW;
/** Flags that mean something only while the file is opened. */
const OPEN_ONLY = O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC;

export interface OpenOptions {
  /** RESOLVE_* of openat2(2). */
  readonly resolve?: number;
}

/** open(2): `mode` is for what is created, before the umask. */
export function openFile(
  ctx: WalkContext,
  path: string,
  flags: number,
  mode: number,
  options: OpenOptions = {},
): FileDescription | Failure {
  const resolve = options.resolve ?? 0;
  if (flags & O_PATH) return openPathOnly(ctx, path, flags & PATH_FLAGS, resolve);
  if (flags & TMPFILE_BIT) return openTemporary(ctx, path, flags, mode, resolve);
  if ((flags & (O_CREAT | O_DIRECTORY)) === (O_CREAT | O_DIRECTORY)) return fail(E.EINVAL);
  if (flags & O_CREAT) return openOrCreate(ctx, path, flags, mode, resolve);
  const found = walk(ctx, path, {
    followLast: !(flags & O_NOFOLLOW),
    directory: (flags & O_DIRECTORY) !== 0,
    resolve,
  });
  return found instanceof Failure ? found : openPlace(ctx, found, flags);
}

/** Opens what is at a place, as the magic links of /proc/pid/fd do too: checks, truncates, opens. */
export function openPlace(ctx: WalkContext, place: VfsPath, flags: number): FileDescription | Failure {
  const { inode } = place.dentry;
  const refused = mayOpen(ctx, place, flags);
  if (refused) return refused;
  if (flags & O_TRUNC && isRegular(inode.mode)) {
    const failed = inode.setAttributes({ size: 0 });
    if (failed) return failed;
  }
  return openInode(inode, place, flags);
}

/** The access that open flags ask for, as MAY bits. */
export function accessOf(flags: number): number {
  const access = flags & O_ACCMODE;
  const wanted = access === O_RDONLY ? MAY.READ : access === O_WRONLY ? MAY.WRITE : MAY.READ | MAY.WRITE;
  return flags & O_TRUNC ? wanted | MAY.WRITE : wanted;
}

function mayOpen(ctx: WalkContext, place: VfsPath, flags: number): Failure | undefined {
  const { inode } = place.dentry;
  const { mode } = inode;
  const type = mode & S_IFMT;
  const wanted = accessOf(flags);
  if (isSymlink(mode)) return fail(E.ELOOP);
  if (isDirectory(mode) && wanted & MAY.WRITE) return fail(E.EISDIR);
  if ((type === S_IFCHR || type === S_IFBLK) && place.mount.flags & MS_NODEV) return fail(E.EACCES);
  const refused = checkAccess(inode, ctx.creds, wanted);
  if (refused) return refused;
  if (flags & O_NOATIME && !ownerOrCapable(inode.attributes(), ctx.creds)) return fail(E.EPERM);
  if (wanted & MAY.WRITE && isRegular(mode) && place.mount.flags & MS_RDONLY) return fail(E.EROFS);
  return undefined;
}

function openInode(inode: Inode, place: VfsPath, flags: number): FileDescription | Failure {
  if ((inode.mode & S_IFMT) === S_IFSOCK) return fail(E.ENXIO);
  const file = inode.open((flags & ~OPEN_ONLY) | O_LARGEFILE, place);
  // A terminal looks at O_NOCTTY while it opens; nobody sees it afterwards.
  if (!(file instanceof Failure)) file.flags &= ~O_NOCTTY;
  return file;
}

function openOrCreate(
  ctx: WalkContext,
  path: string,
  flags: number,
  mode: number,
  resolve: number,
): FileDescription | Failure {
  if (path === '') return fail(E.ENOENT);
  const w = new Walker(ctx, resolve);
  const begun = w.begin(path);
  if (begun) return begun;
  for (;;) {
    const failed = w.toLast();
    if (failed) return failed;
    if (w.kind !== 'name') return fail(flags & O_EXCL ? E.EEXIST : E.EISDIR);
    if (w.trailingSlash) return fail(E.EISDIR);
    const child = lookupChild(ctx.mounts, w.dentry, w.name);
    if (child instanceof Failure) {
      return child.errno === E.ENOENT ? createFile(ctx, w, flags, mode) : child;
    }
    if (flags & O_EXCL) return fail(E.EEXIST);
    const link = isSymlink(child.inode.mode) && !child.mounted;
    if (link && flags & O_NOFOLLOW) return fail(E.ELOOP);
    const stuck = w.step(child, true);
    if (stuck) return stuck;
    if (link && !w.arrived) continue;
    return isDirectory(w.dentry.inode.mode) ? fail(E.EISDIR) : openPlace(ctx, w.place(), flags);
  }
}

/** Where the walker stands, its name is free: makes a regular file there and opens it. */
function createFile(ctx: WalkContext, w: Walker, flags: number, mode: number): FileDescription | Failure {
  const directory = w.dentry;
  if (directory.deleted) return fail(E.ENOENT);
  const refused = wantWrite(w.mount) ?? mayCreate(directory.inode, ctx.creds);
  if (refused) return refused;
  const how = newOwner(directory.inode, ctx.creds, S_IFREG | (mode & 0o7777), ctx.umask);
  const inode = directory.inode.create(w.name, how);
  if (inode instanceof Failure) return inode;
  const dentry = ctx.mounts.dentries.add(directory, w.name, inode);
  // Whoever made it may open it, whatever its mode says.
  return openInode(inode, { mount: w.mount, dentry }, flags);
}

function openTemporary(
  ctx: WalkContext,
  path: string,
  flags: number,
  mode: number,
  resolve: number,
): FileDescription | Failure {
  if ((flags & O_TMPFILE) !== O_TMPFILE || (flags & O_ACCMODE) === O_RDONLY) return fail(E.EINVAL);
  const found = walk(ctx, path, { followLast: !(flags & O_NOFOLLOW), directory: true, resolve });
  if (found instanceof Failure) return found;
  const directory = found.dentry.inode;
  const refused = wantWrite(found.mount) ?? mayCreate(directory, ctx.creds);
  if (refused) return refused;
  const how = newOwner(directory, ctx.creds, S_IFREG | (mode & 0o7777), ctx.umask);
  const inode = directory.createTemporary(how);
  if (inode instanceof Failure) return inode;
  const dentry = newDentry(inode, `#${inode.attributes().ino}`, found.dentry);
  dentry.deleted = true;
  return openInode(inode, { mount: found.mount, dentry }, flags);
}

function openPathOnly(
  ctx: WalkContext,
  path: string,
  flags: number,
  resolve: number,
): FileDescription | Failure {
  const found = walk(ctx, path, {
    followLast: !(flags & O_NOFOLLOW),
    directory: (flags & O_DIRECTORY) !== 0,
    resolve,
  });
  return found instanceof Failure ? found : new PathFile(found.dentry.inode, found, flags);
}

/** O_PATH: a place held by a descriptor. FdTable.require refuses it; the *at calls, fstat and close do not. */
export class PathFile extends FileDescription {
  override tryRead(): Tried<number> {
    return fail(E.EBADF);
  }
  override tryWrite(): Tried<number> {
    return fail(E.EBADF);
  }
  override seek(): number | Failure {
    return fail(E.EBADF);
  }
  override readDirectory(): Failure {
    return fail(E.EBADF);
  }
}
