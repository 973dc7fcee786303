/**
 * tmpfs(5): a file system in memory, with limits on bytes and inodes. Linux: mm/shmem.c.
 *
 * Inodes can be made without a name, changed, filled and then attached, which is what a file system
 * does that has a tmpfs as its upper layer (overlay: copy-up builds the whole inode and attaches it
 * last):
 *
 *     const file = upper.makeFile({ mode, uid, gid });       // nlink 0
 *     file.data.write(source, 0); file.setXattr(…); file.setAttributes({ mtime, … });
 *     directory.attach(name, file);                          // nlink 1
 *
 * `discard()` gives one back that never got a name. `TmpFile.openAs(shown, …)` opens it for a description
 * that shows another inode. Owner: one shard.
 */
import { E } from '../../../abi/errno.js';
import { S_IFDIR } from '../../../abi/mode.js';
import { FS_MAGIC } from '../../../abi/stat.js';
import type { Clock, Timespec } from '../../../base/clock.js';
import { COST, type KernelMemory } from '../../kernel-memory.js';
import { type Failure, fail } from '../../outcome.js';
import { anonymousDev } from '../anonymous-dev.js';
import type { OpenDevice } from '../dev/registry.js';
import type { FileSystem, FsStatistics, NewInode } from '../inode.js';
import { DataStore, type MemoryHost, PAGE } from './data-store.js';
import { TmpDirectory } from './directory.js';
import { TmpFile } from './file.js';
import { TmpSpecial, TmpSymlink } from './special.js';

export interface TmpfsOptions {
  readonly clock: Pick<Clock, 'realtime'>;
  readonly hostFiles: MemoryHost;
  /** Opens device nodes (DeviceRegistry.open); absent: they answer ENXIO. */
  readonly openDevice?: OpenDevice;
  /** size= and nr_inodes= of mount(8); absent: no limit. */
  readonly maxBytes?: number;
  readonly maxInodes?: number;
  /** What its inodes are charged to; absent: to nobody. */
  readonly memory?: KernelMemory;
  /** Of the root directory: permission bits (default 1777) and owner (default root). */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Shown in /proc/mounts; default "tmpfs". */
  readonly type?: string;
  readonly dev?: number;
  /** Also symlinks and special files take extended attributes (an overlay's own marks). */
  readonly xattrsOnAll?: boolean;
}

/** Blocks that an unlimited tmpfs says it has: 2⁴⁰ bytes. */
const UNLIMITED = 2 ** 40;

export class Tmpfs implements FileSystem {
  readonly type: string;
  readonly dev: number;
  readonly cachesNames = true;
  readonly store: DataStore;
  readonly root: TmpDirectory;
  readonly openDevice: OpenDevice | undefined;
  readonly xattrsOnAll: boolean;
  private readonly _maxInodes: number;
  private _lastIno = 0;
  private _inodes = 0;

  constructor(readonly options: TmpfsOptions) {
    this.type = options.type ?? 'tmpfs';
    this.dev = options.dev ?? anonymousDev();
    this.store = new DataStore(options.hostFiles, options.maxBytes ?? Number.POSITIVE_INFINITY);
    this.openDevice = options.openDevice;
    this.xattrsOnAll = options.xattrsOnAll ?? false;
    this._maxInodes = options.maxInodes ?? Number.POSITIVE_INFINITY;
    const { mode = 0o1777, uid = 0, gid = 0 } = options;
    this.root = new TmpDirectory(this, { mode: S_IFDIR | mode, uid, gid });
    this._inodes = 1;
    options.memory?.take(COST.inode);
    this.root.addLink();
  }

  makeFile(how: NewInode): TmpFile | Failure {
    return this._make(() => new TmpFile(this, how));
  }

  makeDirectory(how: NewInode): TmpDirectory | Failure {
    return this._make(() => new TmpDirectory(this, how));
  }

  makeSymlink(target: string, how: NewInode): TmpSymlink | Failure {
    return this._make(() => new TmpSymlink(this, how, target));
  }

  /** A FIFO, socket or device node, by the type bits of `how.mode`. */
  makeSpecial(how: NewInode): TmpSpecial | Failure {
    return this._make(() => new TmpSpecial(this, how));
  }

  statfs(): FsStatistics {
    const { limit, used } = this.store;
    const total = Math.floor((Number.isFinite(limit) ? limit : UNLIMITED) / PAGE);
    const free = Math.max(0, total - Math.ceil(used / PAGE));
    const files = Number.isFinite(this._maxInodes) ? this._maxInodes : total;
    return {
      type: FS_MAGIC.TMPFS,
      bsize: PAGE,
      blocks: total,
      bfree: free,
      bavail: free,
      files,
      ffree: Math.max(0, files - this._inodes),
      namelen: 255,
      flags: 0,
    };
  }

  release(): void {
    this.store.release();
    this.options.memory?.give(this._inodes * COST.inode);
    this._inodes = 0;
  }

  // --- For its inodes ---

  now(): Timespec {
    return this.options.clock.realtime();
  }

  takeIno(): number {
    return ++this._lastIno;
  }

  inodeGone(): void {
    this._inodes--;
    this.options.memory?.give(COST.inode);
  }

  private _make<T>(make: () => T): T | Failure {
    const { memory } = this.options;
    if (this._inodes >= this._maxInodes || memory?.has(COST.inode) === false) return fail(E.ENOSPC);
    this._inodes++;
    memory?.take(COST.inode);
    return make();
  }
}

export function newTmpfs(options: TmpfsOptions): Tmpfs {
  return new Tmpfs(options);
}
