/**
 * An open directory of a tmpfs. Reading goes on where it was, also while names behind and before that
 * place are made and removed: `rm -rf` sees every name once.
 */
import { E } from '../../../abi/errno.js';
import { DT_DIR, direntType } from '../../../abi/mode.js';
import { SEEK_CUR, SEEK_SET } from '../../../abi/open.js';
import { type Failure, fail } from '../../outcome.js';
import { readTouches } from '../atime.js';
import { type DirEntry, FileDescription, type Tried } from '../file-description.js';
import type { VfsPath } from '../path.js';
import type { TmpDirectory, TmpEntry } from './directory.js';

export class TmpDirectoryDescription extends FileDescription {
  /** An iterator: it begins anew behind `offset`. */
  static override readonly unsaved = [...FileDescription.unsaved, '_rest', '_at', '_next'];
  /** Continues after position `_at`; a Map's iterator stands deletions and additions. */
  private _rest: Iterator<TmpEntry> | undefined;
  private _at = -1;
  /** Taken from `_rest` but not given out yet. */
  private _next: TmpEntry | undefined;

  constructor(
    readonly directory: TmpDirectory,
    path: VfsPath | undefined,
    flags: number,
  ) {
    super(directory, path, flags);
    directory.opened();
  }

  override tryRead(): Tried<number> {
    return fail(E.EISDIR);
  }

  override seek(offset: number, whence: number): number | Failure {
    const to = whence === SEEK_SET ? offset : whence === SEEK_CUR ? this.offset + offset : -1;
    if (to < 0) return fail(E.EINVAL);
    this.offset = to;
    return to;
  }

  override readDirectory(emit: (entry: DirEntry) => boolean): Failure | undefined {
    this._touch();
    if (this.offset === 0 && !this._give(emit, this.directory.ino, 1, DT_DIR, '.')) return undefined;
    if (this.offset === 1 && !this._give(emit, this._parentIno(), 2, DT_DIR, '..')) return undefined;
    for (let entry = this._peek(); entry; entry = this._peek()) {
      const { inode, cookie, name } = entry;
      if (!this._give(emit, inode.ino, cookie, direntType(inode.mode), name)) return undefined;
      this._next = undefined;
      this._at = cookie;
    }
    return undefined;
  }

  protected override onClose(): void {
    this.directory.closed();
  }

  private _give(
    emit: (entry: DirEntry) => boolean,
    ino: number,
    next: number,
    type: number,
    name: string,
  ): boolean {
    if (!emit({ ino, next, type, name })) return false;
    this.offset = next;
    return true;
  }

  /** The first entry behind the position that is still there. */
  private _peek(): TmpEntry | undefined {
    if (!this._rest || this._at !== this.offset) {
      this._rest = this.directory.entries();
      this._at = this.offset;
      this._next = undefined;
    }
    while (!this._next || !this.directory.has(this._next) || this._next.cookie <= this.offset) {
      const step = this._rest.next();
      if (step.done) {
        // What is made later must be seen by a later call.
        this._rest = undefined;
        this._next = undefined;
        return undefined;
      }
      this._next = step.value;
    }
    return this._next;
  }

  private _parentIno(): number {
    return this.path?.dentry.parent?.inode.attributes().ino ?? this.directory.ino;
  }

  private _touch(): void {
    const { directory } = this;
    const nowSec = (): number => directory.fs.now().sec;
    const touched = readTouches(directory, this.path, this.flags, { directory: true, nowSec });
    if (touched) directory.atime = directory.fs.now();
  }
}
