/**
 * What tasks that share CLONE_FS share: root, working directory, umask, and the mount namespace.
 * Linux: struct fs_struct.
 */

import { E } from '../../abi/errno.js';
import { isDirectory } from '../../abi/mode.js';
import { AT_FDCWD } from '../../abi/open.js';
import { SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';
import type { MountNamespace } from './mounts.js';
import type { VfsPath } from './path.js';
import type { WalkContext } from './walk.js';

export class FsContext {
  private _references = 1;

  constructor(
    public root: VfsPath,
    public cwd: VfsPath,
    public umask: number,
    readonly mounts: MountNamespace,
  ) {}

  /** At the root of a namespace, with the usual umask. */
  static at(mounts: MountNamespace): FsContext {
    return new FsContext(mounts.root, mounts.root, 0o022, mounts);
  }

  fork(): FsContext {
    return new FsContext(this.root, this.cwd, this.umask, this.mounts);
  }

  retain(): this {
    this._references++;
    return this;
  }

  release(): void {
    this._references--;
  }

  /** Whether other tasks see a change of it (unshare(2), setns(2)). */
  get shared(): boolean {
    return this._references > 1;
  }
}

/**
 * Where a path of a system call starts. `dirfd` is looked at only for a path that needs it: a
 * relative one, or an empty one with AT_EMPTY_PATH. Throws EBADF and ENOTDIR.
 */
export function contextOf(task: Task, dirfd: number = AT_FDCWD, path = ''): WalkContext {
  const { root, cwd, umask, mounts } = task.fs;
  const { creds } = task;
  if (dirfd === AT_FDCWD || path.charCodeAt(0) === 0x2f) return { creds, root, cwd, umask, mounts };
  const place = task.files.requireAny(dirfd).path;
  if (!place || (path !== '' && !isDirectory(place.dentry.inode.mode))) throw new SyscallError(E.ENOTDIR);
  return { creds, root, cwd: place, umask, mounts };
}
