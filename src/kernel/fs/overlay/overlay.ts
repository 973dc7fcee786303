/**
 * A writable file system in memory over a lower one that never changes: Linux's overlayfs
 * (Documentation/filesystems/overlayfs.rst) with the upper layer as a tmpfs without names.
 *
 * What is changed of the lower tree is kept by the lower inode number in `states`, not by path: so a
 * file keeps its changes under each of its names (hard links are not broken by copy-up), a directory
 * that is renamed takes along what lies below it without being copied, and an inode number stays the
 * same for ever. What nobody changed or has open has no state, and its inode is made anew by each
 * lookup; inodes of one number share their state as soon as there is one.
 *
 * Owner: one shard. Invariant: nothing here calls an operation of the lower file system that changes it.
 */
import { isDirectory, isRegular, isSymlink } from '../../../abi/mode.js';
import { FS_MAGIC } from '../../../abi/stat.js';
import type { KernelMemory } from '../../kernel-memory.js';
import type { KernelServices } from '../../services.js';
import { anonymousDev } from '../anonymous-dev.js';
import { deviceRegistry } from '../dev/registry.js';
import type { FileSystem, FsStatistics, Inode } from '../inode.js';
import { newTmpfs, type Tmpfs } from '../tmpfs/tmpfs.js';
import { OverlayDirectory } from './overlay-directory.js';
import { OverlayFile } from './overlay-file.js';
import type { OverlayInode, OverlayState } from './overlay-inode.js';
import { OverlaySpecial, OverlaySymlink } from './overlay-special.js';

export interface OverlayOptions {
  /** Released with the overlay. */
  readonly lower: FileSystem;
  /** Bytes that the upper layer may take; absent: no limit. */
  readonly maxBytes?: number;
  /** What inodes of the upper layer are charged to; absent: to nobody. */
  readonly memory?: KernelMemory;
}

/** Inode numbers of what is made here start above any that a lower file system gives. */
const FIRST_INO = 2 ** 52 + 2 ** 51;

export class Overlay implements FileSystem {
  /** Who holds an inode that has several names brings it again. */
  static readonly unsaved = ['_linked', '_unlinked'];
  readonly type = 'overlay';
  readonly dev = anonymousDev();
  readonly cachesNames = true;
  readonly lower: FileSystem;
  readonly upper: Tmpfs;
  readonly root: OverlayDirectory;
  /** Of the lower tree: what has a state of its own, by its number there. */
  readonly states = new Map<number, OverlayState>();
  /** Lower files with several names, as long as somebody has them: one inode for all names. */
  private _linked = new Map<number, WeakRef<OverlayInode>>();
  private _unlinked = this._newRegistry();
  private _lastIno = FIRST_INO;

  constructor(
    readonly services: Pick<KernelServices, 'clock' | 'hostFiles'>,
    options: OverlayOptions,
  ) {
    const { clock, hostFiles } = services;
    this.lower = options.lower;
    this.upper = newTmpfs({
      clock,
      hostFiles,
      openDevice: deviceRegistry(services).open,
      dev: this.dev,
      ...(options.maxBytes !== undefined && { maxBytes: options.maxBytes }),
      ...(options.memory && { memory: options.memory }),
    });
    const { root } = this.lower;
    this.root = new OverlayDirectory(this, { lower: root, ino: root.attributes().ino });
  }

  restored(): void {
    this._linked = new Map();
    this._unlinked = this._newRegistry();
  }

  private _newRegistry(): FinalizationRegistry<number> {
    return new FinalizationRegistry((ino) => {
      if (!this._linked.get(ino)?.deref()) this._linked.delete(ino);
    });
  }

  /** The overlay's inode for one of the lower file system. */
  wrap(lower: Inode): OverlayInode {
    const { ino, nlink } = identityOf(lower);
    const state = this.states.get(ino);
    if (state) return state.inode;
    if (nlink <= 1 || isDirectory(lower.mode)) return this._make(lower, ino);
    let inode = this._linked.get(ino)?.deref();
    if (!inode) {
      inode = this._make(lower, ino);
      this._linked.set(ino, new WeakRef(inode));
      this._unlinked.register(inode, ino);
    }
    return inode;
  }

  private _make(lower: Inode, ino: number): OverlayInode {
    const { mode } = lower;
    if (isRegular(mode)) return new OverlayFile(this, { lower, ino });
    if (isDirectory(mode)) return new OverlayDirectory(this, { lower, ino });
    if (isSymlink(mode)) return new OverlaySymlink(this, { lower, ino });
    return new OverlaySpecial(this, { lower, ino });
  }

  takeIno(): number {
    return ++this._lastIno;
  }

  statfs(): FsStatistics {
    return { ...this.upper.statfs(), type: FS_MAGIC.OVERLAY };
  }

  release(): void {
    this.upper.release();
    this.lower.release?.();
  }
}

export function newOverlay(
  services: Pick<KernelServices, 'clock' | 'hostFiles'>,
  options: OverlayOptions,
): Overlay {
  return new Overlay(services, options);
}

/** Inodes that know their number and links from when they were looked up need not be asked again. */
function identityOf(lower: Inode): { ino: number; nlink: number } {
  if ('seenLinks' in lower && typeof lower.seenLinks === 'number') {
    if ('ino' in lower && typeof lower.ino === 'number') return { ino: lower.ino, nlink: lower.seenLinks };
  }
  return lower.attributes();
}
