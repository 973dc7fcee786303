/**
 * The cache of names, Linux's dcache (Documentation/filesystems/path-lookup.rst), with a cap.
 *
 * A name is either in its parent's `children` (strong, at most `capacity` of them) or, once evicted,
 * in `evicted` by a weak reference: whoever still holds the dentry (an open file, a working
 * directory) keeps its identity, so a place never has two dentries, and nobody counts references.
 * Eviction is second chance: a hit costs one field write.
 *
 * Owner: one shard. Invariant: a dentry with children, or with a mount on it, is never evicted.
 */

import type { SaveWalk } from '../save/graph.js';
import type { FileSystem, Inode } from './inode.js';
import type { Dentry } from './path.js';

const DEFAULT_CAPACITY = 65_536;
/** How many weak names a directory may have before the dead ones are swept. */
const SWEEP = 1024;

export class DentryCache {
  /** Names that nobody holds are found again by lookup. */
  static readonly unsaved = ['_ring', '_hand'];
  private _ring: Dentry[] = [];
  private readonly _roots = new Map<FileSystem, Dentry>();
  /** How many mounts, of all namespaces, a file system has. */
  private readonly _mounts = new Map<FileSystem, number>();
  private _hand = 0;
  private _mountIds = 20;

  constructor(readonly capacity = DEFAULT_CAPACITY) {}

  /** Takes names over that were saved with those who hold them. */
  restore(held: Iterable<CachedName>): void {
    this._ring = [];
    this._hand = 0;
    for (const dentry of held) {
      const { parent, name, wasCached } = dentry;
      if (wasCached && parent) this._insert(parent, name, dentry);
    }
  }

  /** Cached names; the cap is on this. */
  get size(): number {
    return this._ring.length;
  }

  /** Mount ids are unique over all namespaces, and those share one cache. */
  nextMountId(): number {
    return ++this._mountIds;
  }

  mounted(fs: FileSystem): void {
    this._mounts.set(fs, (this._mounts.get(fs) ?? 0) + 1);
  }

  /** True when that was its last mount. */
  unmounted(fs: FileSystem): boolean {
    const left = (this._mounts.get(fs) ?? 1) - 1;
    if (left > 0) this._mounts.set(fs, left);
    else {
      this._mounts.delete(fs);
      this._roots.delete(fs);
    }
    return left <= 0;
  }

  /** The root dentry of a file system: one, however often it is mounted. */
  rootOf(fs: FileSystem): Dentry {
    let root = this._roots.get(fs);
    if (!root) {
      root = newDentry(fs.root, '', undefined);
      this._roots.set(fs, root);
    }
    return root;
  }

  /** The known child, if any. */
  find(parent: Dentry, name: string): Dentry | undefined {
    const hit = parent.children?.get(name);
    if (hit) {
      hit.recent = true;
      return hit;
    }
    const weak = parent.evicted?.get(name)?.deref();
    if (!weak) return undefined;
    parent.evicted?.delete(name);
    this._insert(parent, name, weak);
    return weak;
  }

  /** A dentry for an inode just found or made under `parent`; remembered when the file system wants that. */
  add(parent: Dentry, name: string, inode: Inode): Dentry {
    const dentry = newDentry(inode, name, parent);
    if (inode.fs.cachesNames) {
      parent.evicted?.delete(name);
      this._insert(parent, name, dentry);
    }
    return dentry;
  }

  /** The name is gone (unlink, rmdir, replaced by rename). */
  remove(dentry: Dentry): void {
    dentry.deleted = true;
    this._detach(dentry);
  }

  /** Forgets a name whose inode changed behind our back, without calling it deleted. */
  forget(dentry: Dentry): void {
    this._detach(dentry);
  }

  move(dentry: Dentry, parent: Dentry, name: string): void {
    const known = this._detach(dentry);
    dentry.parent = parent;
    dentry.name = name;
    if (known) this._insert(parent, name, dentry);
  }

  /** Two names change places (RENAME_EXCHANGE). */
  swap(a: Dentry, b: Dentry): void {
    const known = [this._detach(a), this._detach(b)];
    [a.parent, b.parent] = [b.parent, a.parent];
    [a.name, b.name] = [b.name, a.name];
    if (known[0] && a.parent) this._insert(a.parent, a.name, a);
    if (known[1] && b.parent) this._insert(b.parent, b.name, b);
  }

  /**
   * Makes the way from the root of its file system to this dentry permanent, also where the file
   * system does not want names cached: a mountpoint must be found again as the same dentry.
   */
  pin(dentry: Dentry): void {
    dentry.mounted = (dentry.mounted ?? 0) + 1;
    for (let d: Dentry = dentry; d.parent; d = d.parent) {
      if (d.parent.children?.get(d.name) === d) continue;
      d.parent.evicted?.delete(d.name);
      this._insert(d.parent, d.name, d);
    }
  }

  unpin(dentry: Dentry): void {
    dentry.mounted = Math.max(0, (dentry.mounted ?? 0) - 1);
  }

  private _insert(parent: Dentry, name: string, dentry: Dentry): void {
    parent.children ??= new Map();
    parent.children.set(name, dentry);
    dentry.recent = true;
    dentry.slot = this._ring.length;
    this._ring.push(dentry);
    if (this._ring.length > this.capacity) this._evictOne();
  }

  /** Takes the dentry out of its parent; true when it was known there. */
  private _detach(dentry: Dentry): boolean {
    const parent = dentry.parent;
    if (!parent) return false;
    if (parent.evicted?.get(dentry.name)?.deref() === dentry) parent.evicted.delete(dentry.name);
    if (parent.children?.get(dentry.name) !== dentry) return false;
    parent.children.delete(dentry.name);
    this._leaveRing(dentry);
    return true;
  }

  private _leaveRing(dentry: Dentry): void {
    const slot = dentry.slot ?? -1;
    const last = this._ring.pop();
    if (last && last !== dentry) {
      this._ring[slot] = last;
      last.slot = slot;
    }
    dentry.slot = -1;
  }

  private _evictOne(): void {
    const ring = this._ring;
    for (let steps = 2 * ring.length; steps > 0; steps--) {
      if (this._hand >= ring.length) this._hand = 0;
      const dentry = ring[this._hand];
      if (!dentry) return;
      if (dentry.recent || dentry.mounted || hasChildren(dentry)) {
        dentry.recent = false;
        this._hand++;
        continue;
      }
      this._detach(dentry);
      if (dentry.parent) weaken(dentry.parent, dentry);
      return;
    }
  }
}

export class CachedName implements Dentry {
  deleted = false;
  children: Map<string, Dentry> | undefined;
  evicted: Map<string, WeakRef<Dentry>> | undefined;
  recent = false;
  slot = -1;
  mounted = 0;
  /** Of one that was saved: its parent knew it. */
  wasCached = false;

  constructor(
    readonly inode: Inode,
    public name: string,
    public parent: Dentry | undefined,
  ) {}

  /** What is below is saved by whoever holds it. */
  toSaved(save: SaveWalk): Record<string, unknown> {
    const { inode, name, parent, deleted, mounted } = this;
    save.notes.set(inode, this);
    const wasCached =
      parent !== undefined && (parent.children?.get(name) === this || isEvicted(parent, this));
    return { inode, name, parent, deleted, mounted, recent: false, slot: -1, wasCached };
  }
}

function isEvicted(parent: Dentry, dentry: Dentry): boolean {
  return parent.evicted?.get(dentry.name)?.deref() === dentry;
}

export function newDentry(inode: Inode, name: string, parent: Dentry | undefined): Dentry {
  return new CachedName(inode, name, parent);
}

function hasChildren(dentry: Dentry): boolean {
  return dentry.children !== undefined && dentry.children.size > 0;
}

function weaken(parent: Dentry, dentry: Dentry): void {
  parent.evicted ??= new Map();
  const names = parent.evicted;
  // At powers of two only, so that a directory full of live names is not swept again and again.
  if (names.size >= SWEEP && (names.size & (names.size - 1)) === 0) {
    for (const [name, ref] of names) if (!ref.deref()) names.delete(name);
  }
  names.set(dentry.name, new WeakRef(dentry));
}
