/**
 * An open directory whose entries are listed once and then handed out by position: what getdents64(2)
 * needs of directories that change while they are read. Rewinding to 0 lists anew, as rewinddir(3)
 * asks. Owner: the description's shard.
 */
import { E } from '../../../abi/errno.js';
import { DT_DIR } from '../../../abi/mode.js';
import { SEEK_CUR, SEEK_SET } from '../../../abi/open.js';
import { type Failure, fail } from '../../outcome.js';
import { type DirEntry, FileDescription, type Tried } from '../file-description.js';
import type { Inode } from '../inode.js';
import type { VfsPath } from '../path.js';

export interface Listed {
  readonly name: string;
  readonly ino: number;
  /** DT_* */
  readonly type: number;
}

/** A directory that tells all its names at once. */
export interface Lists {
  list(): readonly Listed[] | Failure;
}

export class ListedDirectory extends FileDescription {
  private _entries: readonly Listed[] | undefined;

  constructor(
    readonly directory: Inode & Lists,
    path: VfsPath | undefined,
    flags: number,
  ) {
    super(directory, path, flags);
  }

  override tryRead(): Tried<number> {
    return fail(E.EISDIR);
  }

  override seek(offset: number, whence: number): number | Failure {
    const to = whence === SEEK_SET ? offset : whence === SEEK_CUR ? this.offset + offset : -1;
    if (to < 0) return fail(E.EINVAL);
    if (to === 0) this._entries = undefined;
    this.offset = to;
    return to;
  }

  override readDirectory(emit: (entry: DirEntry) => boolean): Failure | undefined {
    let entries = this._entries;
    if (!entries) {
      const listed = this.directory.list();
      if (!Array.isArray(listed)) return listed as Failure;
      entries = [...this._dots(), ...(listed as readonly Listed[])];
      this._entries = entries;
    }
    while (this.offset < entries.length) {
      const entry = entries[this.offset];
      if (!entry) break;
      if (!emit({ ...entry, next: this.offset + 1 })) break;
      this.offset++;
    }
    return undefined;
  }

  private _dots(): Listed[] {
    const own = this.inode.attributes().ino;
    const parent = this.path?.dentry.parent?.inode.attributes().ino ?? own;
    return [
      { name: '.', ino: own, type: DT_DIR },
      { name: '..', ino: parent, type: DT_DIR },
    ];
  }
}
