/**
 * Files of the home as a body's memory needs them: to load a program from, to map. What is read is read
 * by the host's descriptor, which all shards share; the description behind it stays at home.
 */
import { E } from '../../abi/errno.js';
import { S_IFDIR } from '../../abi/mode.js';
import type { HostFd } from '../../base/brand.js';
import { FileDescription, type Mappable, type Tried } from '../fs/file-description.js';
import { type Attributes, type FileSystem, Inode } from '../fs/inode.js';
import type { Sink } from '../fs/io.js';
import type { VfsPath } from '../fs/path.js';
import { Failure, fail } from '../outcome.js';
import type { LentFile } from './conversation.js';

/** What a lent file asks of the link to its home. */
export interface Lender {
  mapping(handle: number, options: { shared: boolean; write: boolean }): Mappable | Failure;
  giveBack(file: LentDescription): void;
}

/** Where a body's paths would start, if it walked any: it does not. */
export const NOWHERE: FileSystem = {
  type: 'home',
  dev: 0,
  cachesNames: false,
  statfs: () => ({
    type: 0,
    bsize: 0,
    blocks: 0,
    bfree: 0,
    bavail: 0,
    files: 0,
    ffree: 0,
    namelen: 0,
    flags: 0,
  }),
  get root() {
    return nowhere;
  },
};

export class LentInode extends Inode {
  readonly fs = NOWHERE;

  /** Opened from it last. */
  file: LentDescription | undefined;

  constructor(
    readonly number: number,
    readonly lent: Attributes,
  ) {
    super();
  }

  get mode(): number {
    return this.lent.mode;
  }
  attributes(): Attributes {
    return { ...this.lent };
  }
  /** Only the file that was lent can be opened (execveat(2) of a descriptor). */
  open(): FileDescription | Failure {
    return this.file?.retain() ?? fail(E.ENOENT);
  }
}

const never = { sec: 0, nsec: 0 };
const nowhere = new LentInode(
  0,
  {
    dev: 0, ino: 0, mode: S_IFDIR, nlink: 1, uid: 0, gid: 0, rdev: 0,
    size: 0, blksize: 0, blocks: 0, atime: never, mtime: never, ctime: never,
  },
); // biome-ignore format: a struct without content

export class LentDescription extends FileDescription {
  readonly handle: number;
  readonly place: VfsPath;
  /** The host's descriptors that stubs may hold copies of. */
  readonly hostFds = new Set<HostFd>();
  private readonly _lender: Lender;
  private readonly _readable: Mappable | Failure;

  constructor(lender: Lender, lent: LentFile, inode: LentInode | undefined) {
    const own = inode ?? new LentInode(lent.inode, lent.attributes);
    const place = placeOf(own, lent);
    super(own, place, lent.flags);
    this.place = place;
    own.file = this;
    this._lender = lender;
    this.handle = lent.handle;
    const { readable } = lent;
    this._readable =
      typeof readable === 'number' ? fail(readable) : { fd: readable.fd as HostFd, base: readable.base };
  }

  override tryRead(to: Sink, offset = 0): Tried<number> {
    const known = this._readable;
    if (known instanceof Failure) return known;
    const got = to.putFromFile(known.fd, known.base + offset, to.remaining);
    return got < 0 ? fail(-got as typeof E.EIO) : got;
  }

  override mappable(options: { shared: boolean; write: boolean }): Mappable | Failure {
    const mapping = options.shared ? this._lender.mapping(this.handle, options) : this._readable;
    if (!(mapping instanceof Failure)) this.hostFds.add(mapping.fd);
    return mapping;
  }

  protected override onClose(): void {
    const { inode } = this;
    if (inode instanceof LentInode && inode.file === this) inode.file = undefined;
    this._lender.giveBack(this);
  }
}

function placeOf(inode: LentInode, { mountFlags, name }: LentFile): VfsPath {
  const dentry = { inode, name, parent: undefined, deleted: false, children: undefined };
  const mount = {
    id: 0,
    fs: NOWHERE,
    root: dentry,
    parent: undefined,
    mountpoint: undefined,
    flags: mountFlags,
    source: '',
  };
  return { mount, dentry };
}
