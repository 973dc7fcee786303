/**
 * Changing attributes: chmod(2), chown(2), utimensat(2), truncate(2). Linux: setattr_prepare and
 * setattr_copy of fs/attr.c. Who may change what, and which set-id bits a change takes away.
 */
import { E } from '../../abi/errno.js';
import { isDirectory, isRegular, isSymlink, S_IFMT, S_ISGID, S_ISUID, S_IXGRP } from '../../abi/mode.js';
import type { Timespec } from '../../base/clock.js';
import { CAP, type Credentials, has, inGroup } from '../auth/credentials.js';
import { type Failure, fail } from '../outcome.js';
import { checkAccess, MAY, mayKeepSetgid, ownerOrCapable, wantWrite } from './access.js';
import type { AttributeChange, Inode } from './inode.js';
import type { VfsPath } from './path.js';

export function changeMode(place: VfsPath, creds: Credentials, mode: number): Failure | undefined {
  const { inode } = place.dentry;
  const readOnly = wantWrite(place.mount);
  if (readOnly) return readOnly;
  if (isSymlink(inode.mode)) return fail(E.EOPNOTSUPP);
  const now = inode.attributes();
  if (!ownerOrCapable(now, creds)) return fail(E.EPERM);
  let bits = mode & 0o7777;
  if (!mayKeepSetgid(now.gid, creds)) bits &= ~S_ISGID;
  return inode.setAttributes({ mode: (now.mode & S_IFMT) | bits });
}

/** An id of `undefined` stays. */
export function changeOwner(
  place: VfsPath,
  creds: Credentials,
  uid: number | undefined,
  gid: number | undefined,
): Failure | undefined {
  const { inode } = place.dentry;
  const readOnly = wantWrite(place.mount);
  if (readOnly) return readOnly;
  const now = inode.attributes();
  if (!has(creds, CAP.CHOWN)) {
    if (uid !== undefined && (creds.fsuid !== now.uid || uid !== now.uid)) return fail(E.EPERM);
    const givable = gid === undefined || gid === now.gid || inGroup(creds, gid);
    if (!givable || (gid !== undefined && creds.fsuid !== now.uid)) return fail(E.EPERM);
  }
  const change: AttributeChange = {};
  if (uid !== undefined) change.uid = uid;
  if (gid !== undefined) change.gid = gid;
  // Also a chown that changes nothing takes the set-id bits of what is not a directory.
  if (!isDirectory(now.mode)) {
    const kept = withoutSetIds(now.mode);
    if (kept !== now.mode) change.mode = kept;
  }
  return inode.setAttributes(change);
}

/** The mode that a write, a truncation or a chown leaves: no set-user-ID, no set-group-ID of an executable. */
export function withoutSetIds(mode: number): number {
  const group = mode & S_IXGRP ? S_ISGID : 0;
  return mode & ~(S_ISUID | group);
}

/** Takes the set-id bits away that a write by this task must not leave (file_remove_privs). */
export function dropSetIds(inode: Inode, creds: Credentials): void {
  const { mode } = inode;
  if (!(mode & (S_ISUID | S_ISGID)) || !isRegular(mode)) return;
  const kept = withoutSetIds(mode);
  if (kept !== mode && !has(creds, CAP.FSETID)) inode.setAttributes({ mode: kept });
}

export interface NewTimes {
  /** Undefined: stays (UTIME_OMIT). */
  readonly atime: Timespec | undefined;
  readonly mtime: Timespec | undefined;
  /** Both are the current time: whoever may write may do that; other times need the owner. */
  readonly areNow: boolean;
}

export function changeTimes(place: VfsPath, creds: Credentials, times: NewTimes): Failure | undefined {
  const { inode } = place.dentry;
  if (!times.atime && !times.mtime) return undefined;
  const readOnly = wantWrite(place.mount);
  if (readOnly) return readOnly;
  const now = inode.attributes();
  if (!ownerOrCapable(now, creds)) {
    if (!times.areNow) return fail(E.EPERM);
    const refused = checkAccess(inode, creds, MAY.WRITE);
    if (refused) return refused;
  }
  const change: AttributeChange = {};
  if (times.atime) change.atime = times.atime;
  if (times.mtime) change.mtime = times.mtime;
  return inode.setAttributes(change);
}

/** truncate(2) of a path; ftruncate(2) needs no permission but a writable descriptor, and goes by `resize`. */
export function truncatePath(place: VfsPath, creds: Credentials, size: number): Failure | undefined {
  const { inode } = place.dentry;
  if (isDirectory(inode.mode)) return fail(E.EISDIR);
  if (!isRegular(inode.mode)) return fail(E.EINVAL);
  const refused = wantWrite(place.mount) ?? checkAccess(inode, creds, MAY.WRITE);
  return refused ?? resize(inode, creds, size);
}

export function resize(inode: Inode, creds: Credentials, size: number): Failure | undefined {
  dropSetIds(inode, creds);
  return inode.setAttributes({ size });
}
