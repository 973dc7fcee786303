/** Symlinks, device nodes, FIFOs and sockets of a tmpfs. */
import { E } from '../../../abi/errno.js';
import { S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT } from '../../../abi/mode.js';
import { type Failure, fail } from '../../outcome.js';
import type { FileDescription } from '../file-description.js';
import type { Inode, NewInode } from '../inode.js';
import type { VfsPath } from '../path.js';
import { Fifo } from '../pipe/fifo.js';
import { TmpInode } from './inode.js';
import type { Tmpfs } from './tmpfs.js';

export class TmpSymlink extends TmpInode {
  constructor(
    fs: Tmpfs,
    how: NewInode,
    readonly target: string,
  ) {
    super(fs, how);
  }

  override get size(): number {
    return this.target.length;
  }
  override readlink(): string {
    return this.target;
  }
  override open(): Failure {
    return fail(E.ELOOP);
  }
}

export class TmpSpecial extends TmpInode {
  private readonly _rdev: number;
  private _fifo: Fifo | undefined;

  constructor(fs: Tmpfs, how: NewInode) {
    super(fs, how);
    this._rdev = how.rdev ?? 0;
  }

  override get rdev(): number {
    return this._rdev;
  }

  override open(flags: number, path: VfsPath | undefined): FileDescription | Failure {
    return this.openAs(this, flags, path);
  }

  /** As TmpFile.openAs. */
  openAs(shown: Inode, flags: number, path: VfsPath | undefined): FileDescription | Failure {
    const type = this.mode & S_IFMT;
    if (type === S_IFIFO) {
      this._fifo ??= new Fifo();
      return this._fifo.open(shown, flags, path);
    }
    if (type === S_IFCHR || type === S_IFBLK) {
      return this.fs.openDevice?.(shown, this._rdev, flags, path) ?? fail(E.ENXIO);
    }
    return fail(E.ENXIO);
  }
}
