/**
 * rename(2), renameat2(2). Linux: do_renameat2 and vfs_rename of fs/namei.c.
 *
 * Invariant: a dentry that moves stays the same object, so open files and working directories below
 * see their new names.
 */
import { E } from '../../abi/errno.js';
import { isDirectory } from '../../abi/mode.js';
import { RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT } from '../../abi/open.js';
import { Failure, fail } from '../outcome.js';
import { checkAccess, MAY, mayCreate, mayDelete, wantWrite } from './access.js';
import { isBelow } from './mounts.js';
import type { Dentry } from './path.js';
import { lookupChild, type Parent, type WalkContext, walkParent } from './walk.js';

/** `fromCtx` and `toCtx` differ in where relative paths start only. */
export function rename(
  fromCtx: WalkContext,
  fromPath: string,
  toCtx: WalkContext,
  toPath: string,
  flags: number,
): Failure | undefined {
  if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) return fail(E.EINVAL);
  if (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT) && flags & RENAME_EXCHANGE) return fail(E.EINVAL);
  if (flags & RENAME_WHITEOUT) return fail(E.EINVAL);
  const exchange = (flags & RENAME_EXCHANGE) !== 0;
  const from = walkParent(fromCtx, fromPath);
  if (from instanceof Failure) return from;
  const to = walkParent(toCtx, toPath);
  if (to instanceof Failure) return to;
  if (from.mount !== to.mount) return fail(E.EXDEV);
  if (from.kind !== 'name') return fail(E.EBUSY);
  if (to.kind !== 'name') return fail(flags & RENAME_NOREPLACE ? E.EEXIST : E.EBUSY);
  const readOnly = wantWrite(from.mount);
  if (readOnly) return readOnly;

  const source = lookupChild(fromCtx.mounts, from.dentry, from.name);
  if (source instanceof Failure) return source;
  const found = lookupChild(fromCtx.mounts, to.dentry, to.name);
  if (found instanceof Failure && found.errno !== E.ENOENT) return found;
  const target = found instanceof Failure ? undefined : found;
  if (target && flags & RENAME_NOREPLACE) return fail(E.EEXIST);
  if (exchange && !target) return fail(E.ENOENT);
  const slashes = checkSlashes(from, source, to, target, { exchange });
  if (slashes) return slashes;
  // Neither may be an ancestor of the other one's place.
  if (isBelow(to.dentry, source)) return fail(E.EINVAL);
  if (target && isBelow(from.dentry, target)) return fail(exchange ? E.EINVAL : E.ENOTEMPTY);
  if (target && target.inode === source.inode) return undefined;

  const refused = mayRename(fromCtx, from, source, to, target, { exchange });
  if (refused) return refused;
  return carryOut(fromCtx, from, source, to, target, { exchange });
}

/** A name with slashes behind it must be a directory's. */
function checkSlashes(
  from: Parent,
  source: Dentry,
  to: Parent,
  target: Dentry | undefined,
  { exchange }: { exchange: boolean },
): Failure | undefined {
  if (exchange && target && to.trailingSlash && !isDirectory(target.inode.mode)) return fail(E.ENOTDIR);
  if (isDirectory(source.inode.mode)) return undefined;
  if (from.trailingSlash || (!exchange && to.trailingSlash)) return fail(E.ENOTDIR);
  return undefined;
}

function mayRename(
  ctx: WalkContext,
  from: Parent,
  source: Dentry,
  to: Parent,
  target: Dentry | undefined,
  { exchange }: { exchange: boolean },
): Failure | undefined {
  const { creds } = ctx;
  const fromDir = from.dentry.inode;
  const toDir = to.dentry.inode;
  const moved = isDirectory(source.inode.mode);
  const leaves = mayDelete(fromDir, source.inode, creds, 'any');
  if (leaves) return leaves;
  if (!target) {
    if (to.dentry.deleted) return fail(E.ENOENT);
    const enters = mayCreate(toDir, creds);
    if (enters) return enters;
  } else {
    const as = exchange ? 'any' : moved ? 'directory' : 'file';
    const replaced = mayDelete(toDir, target.inode, creds, as);
    if (replaced) return replaced;
  }
  if (from.dentry !== to.dentry) {
    // ".." of a directory that moves is written.
    const rewritten = moved ? checkAccess(source.inode, creds, MAY.WRITE) : undefined;
    if (rewritten) return rewritten;
    if (exchange && target && isDirectory(target.inode.mode)) {
      const other = checkAccess(target.inode, creds, MAY.WRITE);
      if (other) return other;
    }
  }
  const { mounts } = ctx;
  if (mounts.isMountpoint(source) || (target && mounts.isMountpoint(target))) return fail(E.EBUSY);
  return undefined;
}

function carryOut(
  ctx: WalkContext,
  from: Parent,
  source: Dentry,
  to: Parent,
  target: Dentry | undefined,
  how: { exchange: boolean },
): Failure | undefined {
  const failed = from.dentry.inode.rename(from.name, to.dentry.inode, to.name, how);
  if (failed) return failed;
  const { dentries } = ctx.mounts;
  if (how.exchange && target) {
    dentries.swap(source, target);
    return undefined;
  }
  if (target) dentries.remove(target);
  dentries.move(source, to.dentry, to.name);
  return undefined;
}
