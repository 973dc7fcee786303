/**
 * The contract of file systems: inodes and what can be done to them. Compare Linux's inode_operations
 * (Documentation/filesystems/vfs.rst).
 *
 * An inode does what it is told: permissions, path walk, mounts, sticky bits, O_EXCL and the like
 * are the VFS's. A failure is a value. Directory operations take final component names, never "."
 * or "..".
 */
import { E } from '../../abi/errno.js';
import type { Timespec } from '../../base/clock.js';
import { type Failure, fail } from '../outcome.js';
import type { FileDescription } from './file-description.js';
import type { VfsPath } from './path.js';

/** stat(2), statx(2). Times are wall-clock. */
export interface Attributes {
  dev: number;
  ino: number;
  /** File type and permission bits. */
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  size: number;
  blksize: number;
  /** 512-byte blocks. */
  blocks: number;
  atime: Timespec;
  mtime: Timespec;
  ctime: Timespec;
  btime?: Timespec;
}

/** What chmod, chown, truncate and utimensat change; absent fields stay. */
export interface AttributeChange {
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
  atime?: Timespec;
  mtime?: Timespec;
  ctime?: Timespec;
}

/** Owner and mode of what is about to be made; the umask is already taken off. */
export interface NewInode {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** For device nodes. */
  readonly rdev?: number;
}

/** statfs(2). */
export interface FsStatistics {
  type: number;
  bsize: number;
  blocks: number;
  bfree: number;
  bavail: number;
  files: number;
  ffree: number;
  namelen: number;
  flags: number;
}

export interface FileSystem {
  /** As in /proc/filesystems: "tmpfs", "proc", "overlay"… */
  readonly type: string;
  readonly dev: number;
  readonly root: Inode;
  statfs(): FsStatistics;
  /** Whether names below may be cached by the VFS (not so for proc, or a live host directory). */
  readonly cachesNames: boolean;
  sync?(): void;
  release?(): void;
}

export abstract class Inode {
  abstract readonly fs: FileSystem;
  /** Fresh each time; the caller may keep it. */
  abstract attributes(): Attributes;
  /** File type and permissions only; cheaper than attributes(). */
  abstract get mode(): number;

  setAttributes(_change: AttributeChange): Failure | undefined {
    return fail(E.EPERM);
  }
  /** The one with this name, or ENOENT. */
  lookup(_name: string): Inode | Failure {
    return fail(E.ENOTDIR);
  }
  /** A regular file, FIFO, socket or device node, by the type bits of `how.mode`. */
  create(_name: string, _how: NewInode): Inode | Failure {
    return fail(E.EPERM);
  }
  mkdir(_name: string, _how: NewInode): Inode | Failure {
    return fail(E.EPERM);
  }
  /** A regular file without a name in this directory's file system (O_TMPFILE); `link` may name it. */
  createTemporary(_how: NewInode): Inode | Failure {
    return fail(E.EOPNOTSUPP);
  }
  symlink(_name: string, _target: string, _how: NewInode): Inode | Failure {
    return fail(E.EPERM);
  }
  link(_name: string, _target: Inode): Failure | undefined {
    return fail(E.EPERM);
  }
  unlink(_name: string): Failure | undefined {
    return fail(E.EPERM);
  }
  rmdir(_name: string): Failure | undefined {
    return fail(E.EPERM);
  }
  /** Moves `name` to `toName` of `toDir` (same file system), replacing what is there. */
  rename(_name: string, _toDir: Inode, _toName: string, _how: { exchange: boolean }): Failure | undefined {
    return fail(E.EPERM);
  }
  /** fallocate(2): makes room, with or without growing the file. */
  allocate(_offset: number, _length: number, _options: { keepSize: boolean }): Failure | undefined {
    return fail(E.EOPNOTSUPP);
  }
  /** fallocate(2) with FALLOC_FL_PUNCH_HOLE: zeros within the file. */
  punchHole(_offset: number, _length: number): Failure | undefined {
    return fail(E.EOPNOTSUPP);
  }
  readlink(): string | Failure {
    return fail(E.EINVAL);
  }
  /** Symlinks of /proc whose target is an object, not a name ("magic links", proc(5)). */
  followMagic(): VfsPath | undefined {
    return undefined;
  }
  /** A new description; `flags` are open(2)'s. O_TRUNC has been done. Devices and FIFOs decide here. */
  abstract open(flags: number, path: VfsPath | undefined): FileDescription | Failure;

  getXattr(_name: string): Uint8Array | Failure {
    return fail(E.EOPNOTSUPP);
  }
  setXattr(_name: string, _value: Uint8Array, _flags: number): Failure | undefined {
    return fail(E.EOPNOTSUPP);
  }
  listXattr(): string[] | Failure {
    return [];
  }
  removeXattr(_name: string): Failure | undefined {
    return fail(E.EOPNOTSUPP);
  }
}
