/**
 * What every inode of a tmpfs has: owner, mode, times, links, extended attributes. Linux: mm/shmem.c.
 *
 * An inode is made without a name (`Tmpfs.makeFile`, …) and named by `TmpDirectory.attach`; it goes
 * when the last link and the last open description are gone. Owner: its Tmpfs.
 */
import { E } from '../../../abi/errno.js';
import { isDirectory, isRegular, S_IFMT } from '../../../abi/mode.js';
import { XATTR_CREATE, XATTR_REPLACE } from '../../../abi/open.js';
import type { Timespec } from '../../../base/clock.js';
import { type Failure, fail } from '../../outcome.js';
import { type AttributeChange, type Attributes, Inode, type NewInode } from '../inode.js';
import type { Tmpfs } from './tmpfs.js';

export abstract class TmpInode extends Inode {
  readonly ino: number;
  nlink = 0;
  uid: number;
  gid: number;
  atime: Timespec;
  mtime: Timespec;
  ctime: Timespec;
  readonly btime: Timespec;
  private _mode: number;
  private _openCount = 0;
  private _gone = false;
  private _xattrs: Map<string, Uint8Array> | undefined;

  constructor(
    override readonly fs: Tmpfs,
    how: NewInode,
  ) {
    super();
    this.ino = fs.takeIno();
    this._mode = how.mode;
    this.uid = how.uid;
    this.gid = how.gid;
    const now = fs.now();
    this.atime = now;
    this.mtime = now;
    this.ctime = now;
    this.btime = now;
  }

  get mode(): number {
    return this._mode;
  }
  get size(): number {
    return 0;
  }
  get blocks(): number {
    return 0;
  }
  get rdev(): number {
    return 0;
  }

  attributes(): Attributes {
    return {
      dev: this.fs.dev,
      ino: this.ino,
      mode: this._mode,
      nlink: this.nlink,
      uid: this.uid,
      gid: this.gid,
      rdev: this.rdev,
      size: this.size,
      blksize: 4096,
      blocks: this.blocks,
      atime: this.atime,
      mtime: this.mtime,
      ctime: this.ctime,
      btime: this.btime,
    };
  }

  override setAttributes(change: AttributeChange): Failure | undefined {
    const now = this.fs.now();
    if (change.size !== undefined) {
      const failed = this.resize(change.size);
      if (failed) return failed;
      this.mtime = now;
    }
    if (change.mode !== undefined) this._mode = (this._mode & S_IFMT) | (change.mode & 0o7777);
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    if (change.atime) this.atime = change.atime;
    if (change.mtime) this.mtime = change.mtime;
    this.ctime = change.ctime ?? now;
    return undefined;
  }

  protected resize(_size: number): Failure | undefined {
    return fail(isDirectory(this._mode) ? E.EISDIR : E.EINVAL);
  }

  // --- Links and descriptions ---

  addLink(): void {
    this.nlink++;
    this.ctime = this.fs.now();
  }

  dropLink(): void {
    this.nlink--;
    this.ctime = this.fs.now();
    this._reap();
  }

  /** Gives back an inode that was made but never got a name. */
  discard(): void {
    if (!this._gone && this.nlink <= 1) this.nlink = 0;
    this._reap();
  }

  /** A description of it is open: its content stays even without a name. */
  opened(): void {
    this._openCount++;
  }

  closed(): void {
    this._openCount--;
    this._reap();
  }

  /** Content is given back: nobody can reach it any more. */
  protected evict(): void {}

  private _reap(): void {
    if (this.nlink > 0 || this._openCount > 0 || this._gone) return;
    this._gone = true;
    this.evict();
    this.fs.inodeGone();
  }

  // --- Extended attributes; which names a caller may use is the VFS's business ---

  override getXattr(name: string): Uint8Array | Failure {
    return this._xattrs?.get(name) ?? fail(this._takes(name) ? E.ENODATA : E.EOPNOTSUPP);
  }

  override setXattr(name: string, value: Uint8Array, flags: number): Failure | undefined {
    if (!this._takes(name)) return fail(E.EOPNOTSUPP);
    const there = this._xattrs?.has(name) ?? false;
    if (there && flags & XATTR_CREATE) return fail(E.EEXIST);
    if (!there && flags & XATTR_REPLACE) return fail(E.ENODATA);
    this._xattrs ??= new Map();
    this._xattrs.set(name, value.slice());
    this.ctime = this.fs.now();
    return undefined;
  }

  override listXattr(): string[] | Failure {
    return [...(this._xattrs?.keys() ?? [])];
  }

  override removeXattr(name: string): Failure | undefined {
    if (!this._xattrs?.delete(name)) return fail(E.ENODATA);
    this.ctime = this.fs.now();
    return undefined;
  }

  private _takes(name: string): boolean {
    // user.* is for regular files and directories; other classes may be set on all.
    return (
      !name.startsWith('user.') || isRegular(this._mode) || isDirectory(this._mode) || this.fs.xattrsOnAll
    );
  }
}
