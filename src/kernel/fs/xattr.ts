/**
 * Who may use which extended attributes, xattr(7): user.* follows the file's permissions and is for
 * regular files and directories, trusted.* needs CAP_SYS_ADMIN. Linux: xattr_permission of fs/xattr.c.
 */
import { E } from '../../abi/errno.js';
import { isDirectory, isRegular, S_ISVTX } from '../../abi/mode.js';
import { CAP, type Credentials, has } from '../auth/credentials.js';
import { Failure, fail } from '../outcome.js';
import { checkAccess, MAY, ownerOrCapable, wantWrite } from './access.js';
import type { VfsPath } from './path.js';

export function getXattr(place: VfsPath, creds: Credentials, name: string): Uint8Array | Failure {
  return mayUse(place, creds, name, MAY.READ) ?? place.dentry.inode.getXattr(name);
}

export function setXattr(
  place: VfsPath,
  creds: Credentials,
  name: string,
  value: Uint8Array,
  flags: number,
): Failure | undefined {
  const refused = wantWrite(place.mount) ?? mayUse(place, creds, name, MAY.WRITE);
  return refused ?? place.dentry.inode.setXattr(name, value, flags);
}

export function removeXattr(place: VfsPath, creds: Credentials, name: string): Failure | undefined {
  const refused = wantWrite(place.mount) ?? mayUse(place, creds, name, MAY.WRITE);
  return refused ?? place.dentry.inode.removeXattr(name);
}

/** Trusted names are shown only to those who may read them. */
export function listXattr(place: VfsPath, creds: Credentials): string[] | Failure {
  const names = place.dentry.inode.listXattr();
  if (names instanceof Failure || has(creds, CAP.SYS_ADMIN)) return names;
  return names.filter((name) => !name.startsWith('trusted.'));
}

function mayUse(place: VfsPath, creds: Credentials, name: string, mask: number): Failure | undefined {
  const { inode } = place.dentry;
  const write = mask === MAY.WRITE;
  if (name.startsWith('user.')) {
    if (!isRegular(inode.mode) && !isDirectory(inode.mode)) return fail(write ? E.EPERM : E.ENODATA);
    const sticky = isDirectory(inode.mode) && (inode.mode & S_ISVTX) !== 0;
    if (write && sticky && !ownerOrCapable(inode.attributes(), creds)) return fail(E.EPERM);
    return checkAccess(inode, creds, mask);
  }
  if (name.startsWith('trusted.')) {
    return has(creds, CAP.SYS_ADMIN) ? undefined : fail(write ? E.EPERM : E.ENODATA);
  }
  if (name.startsWith('security.')) {
    return !write || has(creds, CAP.SYS_ADMIN) ? undefined : fail(E.EPERM);
  }
  // system.posix_acl_*: no file system here has ACLs; other classes do not exist.
  return fail(E.EOPNOTSUPP);
}
