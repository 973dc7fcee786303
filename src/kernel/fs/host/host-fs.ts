/**
 * A host directory as a file system: read-only (the lower layer of the root) or read-write (a bind
 * mount). Linux's nearest relative is User Mode Linux's hostfs.
 *
 * Everything is opened beneath `rootFd`. Inodes are places (parent, name) with the host's inode number
 * as identity; they hold no descriptor. Descriptors live in two caches, one for directories (what names
 * are looked up in), one for files, whose descriptors outlive the guest's close so that the next open
 * of the same library is free. Names are not cached: the host may change them.
 *
 * Owner: one shard. Ownership and modes that the host refuses to set live in `overrides`.
 */
import { E } from '../../../abi/errno.js';
import { isDirectory } from '../../../abi/mode.js';
import { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_PATH } from '../../../abi/open.js';
import { ST_RDONLY } from '../../../abi/stat.js';
import type { HostFd } from '../../../base/brand.js';
import { toUnicode } from '../../../base/bytes.js';
import { type LoadWalk, membersOf } from '../../save/graph.js';
import { anonymousDev } from '../anonymous-dev.js';
import type { OpenDevice } from '../dev/registry.js';
import { type HostFiles, newHostStat } from '../host-files.js';
import type { FileSystem, FsStatistics } from '../inode.js';
import type { Fifo } from '../pipe/fifo.js';
import { FdCache } from './fd-cache.js';
import { HostInode } from './host-inode.js';

export interface HostFsOptions {
  readonly hostFiles: HostFiles;
  /** Its path on the host: where a kernel that was saved looks for it again. */
  readonly source: string;
  /** The directory (or file) that becomes the root; closed by `release`. */
  readonly rootFd: HostFd;
  readonly readOnly: boolean;
  /** A bind mount: a saved kernel may go on without it. */
  readonly bound?: boolean;
  /** st_dev; default: one of its own. */
  readonly dev?: number;
  /** Opens character and block devices found here (dev/registry.ts); absent: ENXIO. */
  readonly openDevice?: OpenDevice;
  readonly openDirectories?: number;
  readonly openFiles?: number;
}

/** Owner and mode that the host would not take. */
export interface Override {
  mode?: number;
  uid?: number;
  gid?: number;
}

/** Inode numbers above belong to other host devices than the root's. */
const INO_BITS = 2 ** 44;
const MAX_DEVICES = 256;
const MAX_MOVED = 4096;

export class HostFs implements FileSystem {
  readonly type = 'hostfs';
  readonly cachesNames = false;
  readonly dev: number;
  readonly root: HostInode;
  readonly files: FdCache;
  readonly directories: FdCache;
  readonly overrides = new Map<number, Override>();
  readonly fifos = new Map<number, Fifo>();
  /** Where the guest moved what it had looked up before: inodes of open files go on by these. */
  readonly moved = new Map<number, { parent: HostInode; name: string }>();
  readonly stat = newHostStat();
  /** It was not there when a saved kernel was loaded: from then on it is as a directory that was removed. */
  vanished = false;
  private readonly _deviceIndex = new Map<number, number>();
  private readonly _oddInos = new Map<string, number>();

  constructor(public options: HostFsOptions) {
    const { hostFiles, rootFd } = options;
    this.dev = options.dev ?? anonymousDev();
    this.files = new FdCache(hostFiles, options.openFiles ?? 256);
    this.directories = new FdCache(hostFiles, options.openDirectories ?? 512);
    hostFiles.fstat(rootFd, this.stat);
    this.root = new HostInode(this, undefined, '', this.stat);
  }

  get readOnly(): boolean {
    return this.options.readOnly;
  }

  statfs(): FsStatistics {
    const s = this.options.hostFiles.statfs(this.options.rootFd);
    const flags = this.readOnly ? ST_RDONLY : 0;
    if (typeof s === 'number') {
      return {
        type: 0,
        bsize: 4096,
        blocks: 0,
        bfree: 0,
        bavail: 0,
        files: 0,
        ffree: 0,
        namelen: 255,
        flags,
      };
    }
    return { ...s, flags };
  }

  sync(): void {
    if (!this.readOnly && !this.vanished) this.options.hostFiles.fsync(this.options.rootFd);
  }

  toSaved(): Record<string, unknown> {
    return { ...membersOf(this), options: { ...this.options, rootFd: undefined } };
  }

  fromSaved(saved: Record<string, unknown>, load: LoadWalk): void {
    Object.assign(this, saved);
    const { hostFiles, source, bound } = this.options;
    // What was once done without stays away: nobody expects it to come back under running programs.
    const fd = this.vanished ? -E.ENOENT : hostFiles.openRoot(source);
    if (fd < 0 && !this.vanished) {
      const why = `${toUnicode(source)} cannot be opened on this host (errno ${-fd})`;
      if (bound) load.missing('files', why);
      else load.refuse(why);
      this.vanished = true;
    }
    this.options = { ...this.options, rootFd: fd as HostFd };
  }

  release(): void {
    this.files.dispose();
    this.directories.dispose();
    if (!this.vanished) this.options.hostFiles.close(this.options.rootFd);
  }

  /** Whether anything is remembered by inode number that must be forgotten with the file. */
  get remembers(): boolean {
    return this.overrides.size + this.fifos.size + this.moved.size > 0;
  }

  /** `inode` was renamed. Other names of a file with several are not touched. */
  move(inode: HostInode, parent: HostInode, name: string): void {
    if (!isDirectory(inode.mode) && inode.attributes().nlink > 1) return;
    this.moved.delete(inode.ino);
    this.moved.set(inode.ino, { parent, name });
    if (this.moved.size <= MAX_MOVED) return;
    for (const oldest of this.moved.keys()) {
      this.moved.delete(oldest);
      break;
    }
  }

  /** A name of `inode`, as it was looked up before, was removed; forget it with its last one. */
  gone(inode: HostInode): void {
    if (!isDirectory(inode.mode) && inode.seenLinks > 1) return;
    this.overrides.delete(inode.ino);
    this.fifos.delete(inode.ino);
    this.moved.delete(inode.ino);
    this.directories.forget(inode.ino);
    this.files.forget(inode.ino);
    this.files.forget(-inode.ino);
  }

  deviceIndex(hostDev: number): number {
    let index = this._deviceIndex.get(hostDev);
    if (index === undefined) {
      index = this._deviceIndex.size;
      this._deviceIndex.set(hostDev, index);
    }
    return index;
  }

  /** One number for the host's pair of device and inode number; the root's device keeps its numbers. */
  ino(device: number, hostIno: number): number {
    if (device < MAX_DEVICES && hostIno < INO_BITS) return device * INO_BITS + hostIno;
    const key = `${device}:${hostIno}`;
    let odd = this._oddInos.get(key);
    if (odd === undefined) {
      odd = MAX_DEVICES * INO_BITS + this._oddInos.size;
      this._oddInos.set(key, odd);
    }
    return odd;
  }

  /**
   * A descriptor of this directory to look names up in; a negative errno when it is not there any
   * more. Not held: good for the next call or two.
   */
  directoryFd(inode: HostInode): HostFd | number {
    if (!inode.parent) return this.vanished ? -E.ENOENT : this.options.rootFd;
    const known = this.directories.use(inode.ino);
    if (known !== undefined) return known;
    const above = this.directoryFd(inode.parent);
    if (above < 0) return above;
    const { hostFiles } = this.options;
    const flags = O_DIRECTORY | O_NOFOLLOW;
    let fd = hostFiles.openBeneath(above as HostFd, inode.name, flags | O_NONBLOCK, 0);
    // Search permission without read permission is enough to look up names.
    if (fd === -E.EACCES) fd = hostFiles.openBeneath(above as HostFd, inode.name, flags | O_PATH, 0);
    if (fd < 0) return fd;
    if (!this.isStill(inode, fd as HostFd)) {
      hostFiles.close(fd as HostFd);
      return -E.ENOENT;
    }
    return this.directories.add(inode.ino, fd as HostFd);
  }

  /** Whether what was opened is what the inode stands for: the host may have put another in its place. */
  isStill(inode: HostInode, fd: HostFd): boolean {
    const { stat } = this;
    if (this.options.hostFiles.fstat(fd, stat) < 0) return false;
    return this.ino(this.deviceIndex(stat.dev), stat.ino) === inode.ino;
  }
}

export function newHostFs(options: HostFsOptions): HostFs {
  return new HostFs(options);
}
