/**
 * Inodes of files that have no name: pipefs, sockfs and anon_inodefs of Linux (fs/pipe.c,
 * net/socket.c, fs/anon_inodes.c). Such a file system cannot be mounted and has no root to walk from.
 *
 * Owner: one set a kernel, found by its services.
 */
import { E } from '../../../abi/errno.js';
import { Bug } from '../../../base/assert.js';
import type { Timespec } from '../../../base/clock.js';
import { type Failure, fail } from '../../outcome.js';
import { PerKernel } from '../../per-kernel.js';
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

export class PseudoFs implements FileSystem {
  readonly cachesNames = false;
  private _nextIno = 1;

  constructor(
    readonly type: string,
    readonly dev: number,
    readonly magic: number,
    readonly services: KernelServices,
  ) {}

  get root(): Inode {
    throw new Bug(`${this.type} has no root`);
  }

  statfs(): FsStatistics {
    const zero = { blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, flags: 0 };
    return { ...zero, type: this.magic, bsize: 4096, namelen: 255 };
  }

  allocateIno(): number {
    return this._nextIno++;
  }
}

export interface Ownership {
  readonly uid: number;
  readonly gid: number;
}

/** What opens such an inode anew through /proc/pid/fd; absent: it cannot be opened (ENXIO). */
export interface Opener {
  open(inode: Inode, flags: number, path: VfsPath | undefined): FileDescription | Failure;
}

export class PseudoInode extends Inode {
  readonly ino: number;
  opener: Opener | undefined;
  private _mode: number;
  private _uid: number;
  private _gid: number;
  private _atime: Timespec;
  private _mtime: Timespec;
  private _ctime: Timespec;

  constructor(
    override readonly fs: PseudoFs,
    mode: number,
    owner: Ownership,
    ino?: number,
  ) {
    super();
    this.ino = ino ?? fs.allocateIno();
    this._mode = mode;
    this._uid = owner.uid;
    this._gid = owner.gid;
    const now = fs.services.clock.realtime();
    this._atime = now;
    this._mtime = now;
    this._ctime = now;
  }

  get mode(): number {
    return this._mode;
  }

  attributes(): Attributes {
    return {
      dev: this.fs.dev,
      ino: this.ino,
      mode: this._mode,
      nlink: 1,
      uid: this._uid,
      gid: this._gid,
      rdev: 0,
      size: 0,
      blksize: 4096,
      blocks: 0,
      atime: this._atime,
      mtime: this._mtime,
      ctime: this._ctime,
    };
  }

  override setAttributes(change: AttributeChange): Failure | undefined {
    if (change.size !== undefined) return fail(E.EINVAL);
    if (change.mode !== undefined) this._mode = (this._mode & 0o170000) | (change.mode & 0o7777);
    this._uid = change.uid ?? this._uid;
    this._gid = change.gid ?? this._gid;
    this._atime = change.atime ?? this._atime;
    this._mtime = change.mtime ?? this._mtime;
    this._ctime = change.ctime ?? this.fs.services.clock.realtime();
    return undefined;
  }

  open(flags: number): FileDescription | Failure {
    return this.opener?.open(this, flags, undefined) ?? fail(E.ENXIO);
  }
}

export interface PseudoFileSystems {
  readonly pipefs: PseudoFs;
  readonly sockfs: PseudoFs;
  readonly anonfs: PseudoFs;
  /** The one inode that eventfd, timerfd, epoll and signalfd descriptions share, as in Linux. */
  readonly anonInode: PseudoInode;
}

const fileSystems = new PerKernel('pseudo file systems', (services): PseudoFileSystems => {
  const anonfs = new PseudoFs('anon_inodefs', anonymousDev(), 0x09041934, services);
  return {
    pipefs: new PseudoFs('pipefs', anonymousDev(), 0x50495045, services),
    sockfs: new PseudoFs('sockfs', anonymousDev(), 0x534f434b, services),
    anonfs,
    // No file type: stat(2) of an anonymous inode shows 0600.
    anonInode: new PseudoInode(anonfs, 0o600, { uid: 0, gid: 0 }),
  };
});

export function pseudoFileSystems(services: KernelServices): PseudoFileSystems {
  return fileSystems.of(services);
}
