/**
 * Removing names: unlink(2), rmdir(2). Linux: do_unlinkat and do_rmdir of fs/namei.c. What is open
 * lives on: inodes count their links and descriptions.
 */
import { E } from '../../abi/errno.js';
import { isDirectory } from '../../abi/mode.js';
import { Failure, fail } from '../outcome.js';
import { mayDelete, wantWrite } from './access.js';
import { lookupChild, type WalkContext, walkParent } from './walk.js';

export function removeFile(ctx: WalkContext, path: string): Failure | undefined {
  const at = walkParent(ctx, path);
  if (at instanceof Failure) return at;
  if (at.kind !== 'name') return fail(E.EISDIR);
  const readOnly = wantWrite(at.mount);
  if (readOnly) return readOnly;
  const victim = lookupChild(ctx.mounts, at.dentry, at.name);
  if (victim instanceof Failure) return victim;
  if (at.trailingSlash) return fail(isDirectory(victim.inode.mode) ? E.EISDIR : E.ENOTDIR);
  const refused = mayDelete(at.dentry.inode, victim.inode, ctx.creds, 'file');
  if (refused) return refused;
  if (ctx.mounts.isMountpoint(victim)) return fail(E.EBUSY);
  const failed = at.dentry.inode.unlink(at.name);
  if (!failed) ctx.mounts.dentries.remove(victim);
  return failed;
}

export function removeDirectory(ctx: WalkContext, path: string): Failure | undefined {
  const at = walkParent(ctx, path);
  if (at instanceof Failure) return at;
  if (at.kind === 'dot') return fail(E.EINVAL);
  if (at.kind === 'dotdot') return fail(E.ENOTEMPTY);
  if (at.kind === 'root') return fail(E.EBUSY);
  const readOnly = wantWrite(at.mount);
  if (readOnly) return readOnly;
  const victim = lookupChild(ctx.mounts, at.dentry, at.name);
  if (victim instanceof Failure) return victim;
  const refused = mayDelete(at.dentry.inode, victim.inode, ctx.creds, 'directory');
  if (refused) return refused;
  if (ctx.mounts.isMountpoint(victim)) return fail(E.EBUSY);
  const failed = at.dentry.inode.rmdir(at.name);
  if (!failed) ctx.mounts.dentries.remove(victim);
  return failed;
}
