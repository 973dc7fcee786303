/**
 * File systems whose files are the kernel's own facts: the base of proc and sysfs. Names are never
 * cached by the VFS, contents are made when they are read, and nothing can be created or removed.
 */
import { E } from '../../../abi/errno.js';
import { direntType, S_IFDIR, S_IFLNK, S_IFREG } from '../../../abi/mode.js';
import type { Timespec } from '../../../base/clock.js';
import { type Failure, fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { anonymousDev } from '../anonymous-dev.js';
import type { FileDescription } from '../file-description.js';
import {
  type AttributeChange,
  type Attributes,
  type FileSystem,
  type FsStatistics,
  Inode,
} from '../inode.js';
import type { VfsPath } from '../path.js';
import { type Listed, ListedDirectory } from './listed-directory.js';
import { TextFile } from './text-file.js';

export interface SyntheticFsOptions {
  readonly type: string;
  /** statfs(2) f_type. */
  readonly magic: number;
  /** Size that stat(2) shows for regular files. */
  readonly fileSize: number;
}

export class SyntheticFs implements FileSystem {
  readonly type: string;
  dev = anonymousDev();
  readonly cachesNames = false;
  readonly bootTime: Timespec;
  private _root: Inode | undefined;
  private _lastIno = 0xf000_0000;

  constructor(
    readonly services: KernelServices,
    readonly options: SyntheticFsOptions,
    makeRoot: (fs: SyntheticFs) => Inode,
  ) {
    this.type = options.type;
    this.bootTime = services.clock.realtime();
    this._root = makeRoot(this);
  }

  get root(): Inode {
    // Only undefined while the root is being made.
    return this._root as Inode;
  }

  allocateIno(): number {
    return ++this._lastIno;
  }

  statfs(): FsStatistics {
    const zero = { blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, flags: 0 };
    return { ...zero, type: this.options.magic, bsize: 4096, namelen: 255 };
  }
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const ROOT: Owner = { uid: 0, gid: 0 };

export interface NodeOptions {
  /** Default: one of its own. */
  readonly ino?: number;
  /** Permission bits. */
  readonly mode?: number;
  readonly owner?: () => Owner;
}

export abstract class SyntheticInode extends Inode {
  readonly ino: number;
  private readonly _owner: (() => Owner) | undefined;

  constructor(
    override readonly fs: SyntheticFs,
    readonly mode: number,
    options: NodeOptions,
  ) {
    super();
    this.ino = options.ino ?? fs.allocateIno();
    this._owner = options.owner;
  }

  protected get size(): number {
    return 0;
  }
  protected get nlink(): number {
    return 1;
  }

  attributes(): Attributes {
    const { uid, gid } = this._owner?.() ?? ROOT;
    const time = this.fs.bootTime;
    return {
      dev: this.fs.dev,
      ino: this.ino,
      mode: this.mode,
      nlink: this.nlink,
      uid,
      gid,
      rdev: 0,
      size: this.size,
      blksize: 4096,
      blocks: 0,
      atime: time,
      mtime: time,
      ctime: time,
    };
  }

  /** What O_TRUNC does before a write is nothing; all else is fixed. */
  override setAttributes(change: AttributeChange): Failure | undefined {
    const { size, ...others } = change;
    return Object.keys(others).length === 0 && size !== undefined ? undefined : fail(E.EPERM);
  }
}

/** A directory with entries of some kind; `find` and `names` may say something else each time. */
export class Directory extends SyntheticInode {
  constructor(
    fs: SyntheticFs,
    readonly find: (name: string) => Inode | undefined,
    readonly names: () => Iterable<readonly [string, Inode]>,
    options: NodeOptions = {},
  ) {
    super(fs, S_IFDIR | (options.mode ?? 0o555), options);
  }

  protected override get nlink(): number {
    let n = 2;
    for (const [, inode] of this.names()) if ((inode.mode & S_IFDIR) === S_IFDIR) n++;
    return n;
  }

  override lookup(name: string): Inode | Failure {
    return this.find(name) ?? fail(E.ENOENT);
  }

  open(flags: number, path: VfsPath | undefined): FileDescription {
    return new ListedDirectory(this, path, flags);
  }

  list(): Listed[] {
    return [...this.names()].map(([name, inode]) => ({
      name,
      ino: inode instanceof SyntheticInode ? inode.ino : inode.attributes().ino,
      type: direntType(inode.mode),
    }));
  }
}

/** A directory that is always the same. */
export function fixedDirectory(
  fs: SyntheticFs,
  entries: Readonly<Record<string, Inode>>,
  options: NodeOptions = {},
): Directory {
  const known = new Map(Object.entries(entries));
  return new Directory(
    fs,
    (name) => known.get(name),
    () => known,
    options,
  );
}

export type Content = string | Uint8Array;

/** A regular file: `read` makes the whole content, `write` takes what one write(2) brought. */
export class Text extends SyntheticInode {
  constructor(
    fs: SyntheticFs,
    readonly read: () => Content | Failure,
    readonly write: ((text: string) => Failure | undefined) | undefined = undefined,
    options: NodeOptions = {},
    /** Asked before the content is made: whether all is known; if not, `ready` is called when it is. */
    readonly prepare: ((ready: () => void) => boolean) | undefined = undefined,
  ) {
    super(fs, S_IFREG | (options.mode ?? (write ? 0o644 : 0o444)), options);
  }

  protected override get size(): number {
    return this.fs.options.fileSize;
  }

  open(flags: number, path: VfsPath | undefined): FileDescription | Failure {
    return new TextFile(this, path, flags);
  }
}

/** A symlink; a magic one also says where it leads without a name. */
export class Link extends SyntheticInode {
  constructor(
    fs: SyntheticFs,
    readonly target: () => string | Failure,
    readonly magic: (() => VfsPath | undefined) | undefined = undefined,
    options: NodeOptions = {},
  ) {
    super(fs, S_IFLNK | (options.mode ?? 0o777), options);
  }

  override readlink(): string | Failure {
    return this.target();
  }

  override followMagic(): VfsPath | undefined {
    return this.magic?.();
  }

  open(): Failure {
    return fail(E.ELOOP);
  }
}
