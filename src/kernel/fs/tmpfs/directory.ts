/**
 * Directories of a tmpfs. Each name has a cookie that only grows: the position after it in
 * getdents64(2), which stays good while other names come and go.
 *
 * Invariant: `_entries` is in order of cookies.
 */
import { E } from '../../../abi/errno.js';
import { isDirectory, S_IFDIR, S_IFMT, S_IFREG } from '../../../abi/mode.js';
import { Failure, fail } from '../../outcome.js';
import type { FileDescription } from '../file-description.js';
import type { Inode, NewInode } from '../inode.js';
import type { VfsPath } from '../path.js';
import { TmpDirectoryDescription } from './directory-description.js';
import { TmpInode } from './inode.js';
import type { TmpSymlink } from './special.js';
import type { Tmpfs } from './tmpfs.js';

export interface TmpEntry {
  readonly name: string;
  readonly cookie: number;
  inode: TmpInode;
}

/** What a name takes of a directory's size, as Linux's tmpfs counts it. */
const BYTES_PER_NAME = 20;

export class TmpDirectory extends TmpInode {
  private readonly _entries = new Map<string, TmpEntry>();
  /** 1 and 2 are those of "." and "..". */
  private _lastCookie = 2;

  constructor(fs: Tmpfs, how: NewInode) {
    super(fs, { ...how, mode: (how.mode & ~S_IFMT) | S_IFDIR });
    // "." is a link to it.
    this.nlink = 1;
  }

  override get size(): number {
    return (this._entries.size + 2) * BYTES_PER_NAME;
  }

  get empty(): boolean {
    return this._entries.size === 0;
  }

  /** Its names in the order of their cookies; changes meanwhile are seen. */
  entries(): IterableIterator<TmpEntry> {
    return this._entries.values();
  }

  has(entry: TmpEntry): boolean {
    return this._entries.get(entry.name) === entry;
  }

  override lookup(name: string): TmpInode | Failure {
    return this._entries.get(name)?.inode ?? fail(E.ENOENT);
  }

  /** Gives an inode of this file system a name. EEXIST when there is one. */
  attach(name: string, inode: TmpInode): Failure | undefined {
    if (this._entries.has(name)) return fail(E.EEXIST);
    this._put(name, inode);
    inode.addLink();
    if (isDirectory(inode.mode)) this.nlink++;
    this._changed();
    return undefined;
  }

  /** Takes a name away, whatever it names; the caller has checked. */
  detach(name: string): Failure | undefined {
    const entry = this._entries.get(name);
    if (!entry) return fail(E.ENOENT);
    this._entries.delete(name);
    if (entry.inode instanceof TmpDirectory) {
      this.nlink--;
      // Its "." goes with its name.
      entry.inode.nlink--;
    }
    entry.inode.dropLink();
    this._changed();
    return undefined;
  }

  override create(name: string, how: NewInode): TmpInode | Failure {
    return this._make(
      name,
      (how.mode & S_IFMT) === S_IFREG ? this.fs.makeFile(how) : this.fs.makeSpecial(how),
    );
  }

  override createTemporary(how: NewInode): TmpInode | Failure {
    return this.fs.makeFile(how);
  }

  override mkdir(name: string, how: NewInode): TmpDirectory | Failure {
    return this._make(name, this.fs.makeDirectory(how));
  }

  override symlink(name: string, target: string, how: NewInode): TmpSymlink | Failure {
    return this._make(name, this.fs.makeSymlink(target, how));
  }

  override link(name: string, target: Inode): Failure | undefined {
    if (!(target instanceof TmpInode) || target.fs !== this.fs) return fail(E.EXDEV);
    if (isDirectory(target.mode)) return fail(E.EPERM);
    return this.attach(name, target);
  }

  override unlink(name: string): Failure | undefined {
    const inode = this._entries.get(name)?.inode;
    if (inode instanceof TmpDirectory) return fail(E.EISDIR);
    return this.detach(name);
  }

  override rmdir(name: string): Failure | undefined {
    const inode = this._entries.get(name)?.inode;
    if (inode && !(inode instanceof TmpDirectory)) return fail(E.ENOTDIR);
    if (inode && !inode.empty) return fail(E.ENOTEMPTY);
    return this.detach(name);
  }

  override rename(
    name: string,
    toDir: Inode,
    toName: string,
    how: { exchange: boolean },
  ): Failure | undefined {
    if (!(toDir instanceof TmpDirectory) || toDir.fs !== this.fs) return fail(E.EXDEV);
    const entry = this._entries.get(name);
    if (!entry) return fail(E.ENOENT);
    const target = toDir._entries.get(toName);
    if (how.exchange) return target ? this._exchange(entry, toDir, target) : fail(E.ENOENT);
    if (target) {
      if (target.inode === entry.inode) return undefined;
      const refused = mayReplace(entry.inode, target.inode);
      if (refused) return refused;
      toDir.detach(toName);
    }
    this._entries.delete(name);
    toDir._put(toName, entry.inode);
    if (isDirectory(entry.inode.mode)) {
      this.nlink--;
      toDir.nlink++;
    }
    this._changed();
    toDir._changed();
    entry.inode.ctime = this.fs.now();
    return undefined;
  }

  override open(flags: number, path: VfsPath | undefined): FileDescription {
    return new TmpDirectoryDescription(this, path, flags);
  }

  private _exchange(a: TmpEntry, dir: TmpDirectory, b: TmpEntry): undefined {
    [a.inode, b.inode] = [b.inode, a.inode];
    const shift = Number(isDirectory(a.inode.mode)) - Number(isDirectory(b.inode.mode));
    this.nlink += shift;
    dir.nlink -= shift;
    const now = this.fs.now();
    a.inode.ctime = now;
    b.inode.ctime = now;
    this._changed();
    dir._changed();
    return undefined;
  }

  private _make<T extends TmpInode>(name: string, made: T | Failure): T | Failure {
    if (made instanceof Failure) return made;
    const failed = this.attach(name, made);
    if (failed) made.discard();
    return failed ?? made;
  }

  private _put(name: string, inode: TmpInode): void {
    this._entries.set(name, { name, cookie: ++this._lastCookie, inode });
  }

  private _changed(): void {
    const now = this.fs.now();
    this.mtime = now;
    this.ctime = now;
  }
}

function mayReplace(moved: TmpInode, target: TmpInode): Failure | undefined {
  if (!(target instanceof TmpDirectory)) return isDirectory(moved.mode) ? fail(E.ENOTDIR) : undefined;
  if (!isDirectory(moved.mode)) return fail(E.EISDIR);
  return target.empty ? undefined : fail(E.ENOTEMPTY);
}
