/**
 * Making names: mkdir(2), mknod(2), symlink(2), link(2). Linux: filename_create and the vfs_* calls of
 * fs/namei.c.
 *
 * Order of checks as Linux has it: the name exists (EEXIST), the mount is read-only (EROFS), then
 * permission on the directory.
 */
import { E } from '../../abi/errno.js';
import {
  isDirectory,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_ISVTX,
} from '../../abi/mode.js';
import { CAP, has } from '../auth/credentials.js';
import { Failure, fail } from '../outcome.js';
import { mayCreate, newOwner, wantWrite } from './access.js';
import type { Inode } from './inode.js';
import type { VfsPath } from './path.js';
import { lookupChild, type Parent, type WalkContext, walkParent } from './walk.js';

const MAX_NLINK = 65_000;

/** The free name that `path` leads to; `directory`: what will be there is a directory, so slashes may follow. */
function freeName(ctx: WalkContext, path: string, options: { directory: boolean }): Parent | Failure {
  const at = walkParent(ctx, path);
  if (at instanceof Failure) return at;
  if (at.kind !== 'name') return fail(E.EEXIST);
  const there = lookupChild(ctx.mounts, at.dentry, at.name);
  if (!(there instanceof Failure)) return fail(E.EEXIST);
  if (there.errno !== E.ENOENT) return there;
  if (at.trailingSlash && !options.directory) return fail(E.ENOENT);
  if (at.dentry.deleted) return fail(E.ENOENT);
  return wantWrite(at.mount) ?? at;
}

function remember(ctx: WalkContext, at: Parent, inode: Inode): VfsPath {
  return { mount: at.mount, dentry: ctx.mounts.dentries.add(at.dentry, at.name, inode) };
}

export function makeDirectory(ctx: WalkContext, path: string, mode: number): VfsPath | Failure {
  const at = freeName(ctx, path, { directory: true });
  if (at instanceof Failure) return at;
  const refused = mayCreate(at.dentry.inode, ctx.creds);
  if (refused) return refused;
  const wanted = S_IFDIR | (mode & (0o777 | S_ISVTX));
  const inode = at.dentry.inode.mkdir(at.name, newOwner(at.dentry.inode, ctx.creds, wanted, ctx.umask));
  return inode instanceof Failure ? inode : remember(ctx, at, inode);
}

/** A regular file, FIFO, socket or device node, by the type bits of `mode` (none: a regular file). */
export function makeNode(ctx: WalkContext, path: string, mode: number, rdev: number): VfsPath | Failure {
  const type = mode & S_IFMT || S_IFREG;
  if (type === S_IFDIR) return fail(E.EPERM);
  if (type !== S_IFREG && type !== S_IFCHR && type !== S_IFBLK && type !== S_IFIFO && type !== S_IFSOCK) {
    return fail(E.EINVAL);
  }
  const at = freeName(ctx, path, { directory: false });
  if (at instanceof Failure) return at;
  const refused = mayCreate(at.dentry.inode, ctx.creds);
  if (refused) return refused;
  const device = type === S_IFCHR || type === S_IFBLK;
  // Device number 0 is overlayfs's whiteout, which anybody may make.
  if (device && !(type === S_IFCHR && rdev === 0) && !has(ctx.creds, CAP.MKNOD)) return fail(E.EPERM);
  const how = newOwner(at.dentry.inode, ctx.creds, type | (mode & 0o7777), ctx.umask);
  const inode = at.dentry.inode.create(at.name, device ? { ...how, rdev } : how);
  return inode instanceof Failure ? inode : remember(ctx, at, inode);
}

export function makeSymlink(ctx: WalkContext, target: string, path: string): VfsPath | Failure {
  if (target === '') return fail(E.ENOENT);
  const at = freeName(ctx, path, { directory: false });
  if (at instanceof Failure) return at;
  const refused = mayCreate(at.dentry.inode, ctx.creds);
  if (refused) return refused;
  const how = newOwner(at.dentry.inode, ctx.creds, S_IFLNK | 0o777, 0);
  const inode = at.dentry.inode.symlink(at.name, target, how);
  return inode instanceof Failure ? inode : remember(ctx, at, inode);
}

/** `from`: what gets another name; it was looked up with or without following a last symlink. */
export function makeLink(ctx: WalkContext, from: VfsPath, path: string): VfsPath | Failure {
  const at = freeName(ctx, path, { directory: false });
  if (at instanceof Failure) return at;
  if (at.mount !== from.mount || at.dentry.inode.fs !== from.dentry.inode.fs) return fail(E.EXDEV);
  const refused = mayCreate(at.dentry.inode, ctx.creds);
  if (refused) return refused;
  const { inode } = from.dentry;
  if (isDirectory(inode.mode)) return fail(E.EPERM);
  if (inode.attributes().nlink >= MAX_NLINK) return fail(E.EMLINK);
  const failed = at.dentry.inode.link(at.name, inode);
  return failed ?? remember(ctx, at, inode);
}
