/**
 * Permission checks of the VFS, path_resolution(7), capabilities(7); Linux fs/namei.c and fs/attr.c.
 *
 * Checks use the file-system ids (fsuid, fsgid). Inodes do what they are told: whether it is allowed
 * is decided here, before they are asked.
 */
import { E } from '../../abi/errno.js';
import { isDirectory, isRegular, isSymlink, S_ISGID, S_ISVTX, S_IXGRP } from '../../abi/mode.js';
import { MS_RDONLY } from '../../abi/mount.js';
import { CAP, type Credentials, has, inGroup } from '../auth/credentials.js';
import { type Failure, fail } from '../outcome.js';
import type { Attributes, Inode } from './inode.js';
import type { Mount, VfsPath } from './path.js';

/** Bits of a permission mask, as access(2) takes them. */
export const MAY = { EXEC: 1, WRITE: 2, READ: 4 } as const;

type Owned = Pick<Attributes, 'mode' | 'uid' | 'gid'>;

/** Whether `creds` may do all of `mask` to the inode. Says nothing about read-only mounts. */
export function checkAccess(inode: Inode, creds: Credentials, mask: number): Failure | undefined {
  const mode = inode.mode;
  // What everybody may do needs no look at who asks.
  const everybody = mode & (mode >> 3) & (mode >> 6) & 7;
  if ((everybody & mask) === mask) return undefined;
  return checkOwned(inode.attributes(), creds, mask);
}

export function checkOwned(owned: Owned, creds: Credentials, mask: number): Failure | undefined {
  const { mode } = owned;
  const granted = creds.fsuid === owned.uid ? mode >> 6 : inGroup(creds, owned.gid) ? mode >> 3 : mode;
  if ((granted & mask) === mask) return undefined;
  if (isDirectory(mode)) {
    if (!(mask & MAY.WRITE) && has(creds, CAP.DAC_READ_SEARCH)) return undefined;
    return has(creds, CAP.DAC_OVERRIDE) ? undefined : fail(E.EACCES);
  }
  if (mask === MAY.READ && has(creds, CAP.DAC_READ_SEARCH)) return undefined;
  // Nobody executes what nobody may execute.
  if ((!(mask & MAY.EXEC) || mode & 0o111) && has(creds, CAP.DAC_OVERRIDE)) return undefined;
  return fail(E.EACCES);
}

/** EROFS for writing what lives on a read-only mount; devices, FIFOs and sockets are not part of it. */
export function checkWritableMount(place: VfsPath): Failure | undefined {
  if (!(place.mount.flags & MS_RDONLY)) return undefined;
  const mode = place.dentry.inode.mode;
  return isRegular(mode) || isDirectory(mode) || isSymlink(mode) ? fail(E.EROFS) : undefined;
}

/** mnt_want_write: for changes of names and attributes, whatever the type. */
export function wantWrite(mount: Mount): Failure | undefined {
  return mount.flags & MS_RDONLY ? fail(E.EROFS) : undefined;
}

export function ownerOrCapable(owned: Owned, creds: Credentials): boolean {
  return creds.fsuid === owned.uid || has(creds, CAP.FOWNER);
}

/** May a name be made in this directory? */
export function mayCreate(directory: Inode, creds: Credentials): Failure | undefined {
  return checkAccess(directory, creds, MAY.WRITE | MAY.EXEC);
}

/** May `victim` be removed from (or replaced in) this directory? Linux: may_delete. */
export function mayDelete(
  directory: Inode,
  victim: Inode,
  creds: Credentials,
  as: 'directory' | 'file' | 'any',
): Failure | undefined {
  const refused = checkAccess(directory, creds, MAY.WRITE | MAY.EXEC);
  if (refused) return refused;
  if (directory.mode & S_ISVTX && creds.fsuid !== victim.attributes().uid) {
    if (creds.fsuid !== directory.attributes().uid && !has(creds, CAP.FOWNER)) return fail(E.EPERM);
  }
  const found = isDirectory(victim.mode);
  if (as === 'directory' && !found) return fail(E.ENOTDIR);
  if (as === 'file' && found) return fail(E.EISDIR);
  return undefined;
}

/**
 * Owner, group and mode of something made in `directory`: a set-group-ID directory hands on its
 * group, and a new directory the bit too. `mode` has its type bits; the umask is taken off here.
 */
export function newOwner(
  directory: Inode,
  creds: Credentials,
  mode: number,
  umask: number,
): { mode: number; uid: number; gid: number } {
  let made = isSymlink(mode) ? mode : mode & ~umask;
  let gid = creds.fsgid;
  if (directory.mode & S_ISGID) {
    gid = directory.attributes().gid;
    if (isDirectory(made)) made |= S_ISGID;
    else if ((made & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP) && !mayKeepSetgid(gid, creds)) {
      made &= ~S_ISGID;
    }
  }
  return { mode: made, uid: creds.fsuid, gid };
}

export function mayKeepSetgid(gid: number, creds: Credentials): boolean {
  return inGroup(creds, gid) || has(creds, CAP.FSETID);
}
