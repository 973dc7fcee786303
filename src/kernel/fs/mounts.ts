/**
 * Mounts and mount namespaces, mount(2), mount_namespaces(7): which file system hangs where.
 *
 * Owner: one shard. Invariants: every mount but the root one is in its parent's table under its
 * mountpoint, which is pinned in the dentry cache (`Dentry.mounted`), so that a walk asks this table
 * only where something is mounted. Several mounts may share one file system and its dentries (bind).
 */
import { E } from '../../abi/errno.js';
import { MS_RELATIME } from '../../abi/mount.js';
import { type Failure, fail } from '../outcome.js';
import { DentryCache } from './dentry-cache.js';
import type { FileSystem } from './inode.js';
import type { Dentry, Mount, VfsPath } from './path.js';

export interface MountOptions {
  /** MS_* bits that stay with the mount: MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME… */
  readonly flags?: number;
  /** First column of /proc/mounts; default: the type of the file system. */
  readonly source?: string;
}

export class MountNamespace {
  /** Follows from where each mount says it hangs. */
  static readonly unsaved = ['_children'];
  readonly dentries: DentryCache;
  private _root: VfsPath;
  private readonly _mounts = new Set<Mount>();
  private _children = new WeakMap<Mount, Map<Dentry, Mount>>();

  constructor(root: FileSystem, options: MountOptions = {}, dentries = new DentryCache()) {
    this.dentries = dentries;
    const mount = newMount(dentries, root, dentries.rootOf(root), undefined, undefined, options);
    this._mounts.add(mount);
    dentries.mounted(root);
    this._root = { mount, dentry: mount.root };
  }

  restored(): void {
    this._children = new WeakMap();
    for (const mount of this._mounts) {
      if (mount.parent && mount.mountpoint) this._tableOf(mount.parent).set(mount.mountpoint, mount);
    }
  }

  get root(): VfsPath {
    return this._root;
  }

  /** Mounts `fs` on a place that is there: a directory on a directory, a file on a file. */
  mount(fs: FileSystem, at: VfsPath, options: MountOptions = {}): Mount {
    return this._attach(newMount(this.dentries, fs, this.dentries.rootOf(fs), at.mount, at.dentry, options));
  }

  /** Makes `from` visible at `at` too (MS_BIND); `recursive` brings the mounts below along (MS_REC). */
  bind(from: VfsPath, at: VfsPath, options: { recursive: boolean; flags?: number }): Mount {
    const { mount: source, dentry } = from;
    const carried = { flags: options.flags ?? source.flags, source: source.source };
    const made = this._attach(newMount(this.dentries, source.fs, dentry, at.mount, at.dentry, carried));
    if (options.recursive) this._copyBelow(source, dentry, made);
    return made;
  }

  /** What is mounted on this place, topmost. */
  at(mount: Mount, dentry: Dentry): Mount | undefined {
    return this._children.get(mount)?.get(dentry);
  }

  /** umount2(2); the last mount of a file system releases it. `detach` (MNT_DETACH) takes it out of the tree though it has mounts below. */
  umount(mount: Mount, options: { detach: boolean }): Failure | undefined {
    if (!mount.parent || !mount.mountpoint || !this._mounts.has(mount)) return fail(E.EINVAL);
    const below = [...(this._children.get(mount)?.values() ?? [])];
    if (below.length > 0 && !options.detach) return fail(E.EBUSY);
    for (const child of below) this.umount(child, options);
    this._detach(mount);
    this._mounts.delete(mount);
    const last = this.dentries.unmounted(mount.fs);
    // What was detached may still be in use; it goes with the kernel.
    if (last && !options.detach) mount.fs.release?.();
    return undefined;
  }

  /** Whether something is mounted on this dentry anywhere: rename and unlink of it answer EBUSY. */
  isMountpoint(dentry: Dentry): boolean {
    return (dentry.mounted ?? 0) > 0;
  }

  /** Moves a mount elsewhere (MS_MOVE). */
  move(mount: Mount, at: VfsPath): Failure | undefined {
    if (!mount.parent) return fail(E.EINVAL);
    for (let m: Mount | undefined = at.mount; m; m = m.parent) if (m === mount) return fail(E.ELOOP);
    this._detach(mount);
    setParent(mount, at.mount, at.dentry);
    this._attach(mount);
    return undefined;
  }

  /** pivot_root(2): `newRoot` becomes the root, the old root hangs at `putOld` below it. */
  pivot(newRoot: Mount, putOld: VfsPath): void {
    const old = this._root.mount;
    this._detach(newRoot);
    setParent(newRoot, undefined, undefined);
    setParent(old, putOld.mount, putOld.dentry);
    this._attach(old);
    this._root = { mount: newRoot, dentry: newRoot.root };
  }

  /** In the order they were mounted, as /proc/self/mountinfo lists them. */
  list(): Mount[] {
    return [...this._mounts];
  }

  /** unshare(CLONE_NEWNS): the same mounts, copied; and where a place of the old one is in the new. */
  fork(): { namespace: MountNamespace; translate: (place: VfsPath) => VfsPath } {
    const old = this._root.mount;
    const copy = new MountNamespace(old.fs, old, this.dentries);
    const copies = new Map<Mount, Mount>([[old, copy.root.mount]]);
    for (const m of this._mounts) {
      const parent = m.parent && copies.get(m.parent);
      if (!parent || !m.mountpoint) continue;
      copies.set(m, copy._attach(newMount(this.dentries, m.fs, m.root, parent, m.mountpoint, m)));
    }
    return {
      namespace: copy,
      translate: (place) => ({ mount: copies.get(place.mount) ?? place.mount, dentry: place.dentry }),
    };
  }

  /** Gives every file system a chance to write back: sync(2). */
  sync(): void {
    for (const fs of new Set([...this._mounts].map((m) => m.fs))) fs.sync?.();
  }

  /** The kernel ends: whatever file systems hold is written back and given back. */
  dispose(): void {
    this.sync();
    for (const fs of new Set([...this._mounts].map((m) => m.fs))) fs.release?.();
  }

  private _attach(mount: Mount): Mount {
    const { parent, mountpoint } = mount;
    if (!parent || !mountpoint) return mount;
    const table = this._tableOf(parent);
    const covered = table.get(mountpoint);
    // On top of another mount: hangs on that one's root, as a walk to the place would find.
    if (covered) return this._attach(setParent(mount, covered, covered.root));
    table.set(mountpoint, mount);
    this.dentries.pin(mountpoint);
    if (!this._mounts.has(mount)) this.dentries.mounted(mount.fs);
    this._mounts.add(mount);
    return mount;
  }

  private _tableOf(parent: Mount): Map<Dentry, Mount> {
    let table = this._children.get(parent);
    if (!table) {
      table = new Map();
      this._children.set(parent, table);
    }
    return table;
  }

  private _detach(mount: Mount): void {
    if (!mount.parent || !mount.mountpoint) return;
    this._children.get(mount.parent)?.delete(mount.mountpoint);
    this.dentries.unpin(mount.mountpoint);
  }

  private _copyBelow(source: Mount, from: Dentry, made: Mount): void {
    for (const [mountpoint, child] of this._children.get(source) ?? []) {
      if (child === made || !isBelow(mountpoint, from)) continue;
      const copy = this._attach(newMount(this.dentries, child.fs, child.root, made, mountpoint, child));
      this._copyBelow(child, child.root, copy);
    }
  }
}

/** Whether `dentry` is `top` or in the tree below it. */
export function isBelow(dentry: Dentry, top: Dentry): boolean {
  for (let d: Dentry | undefined = dentry; d; d = d.parent) if (d === top) return true;
  return false;
}

/** A mount as this file may change it. */
type Movable = { -readonly [K in keyof Mount]: Mount[K] };

function setParent(mount: Mount, parent: Mount | undefined, mountpoint: Dentry | undefined): Mount {
  const movable: Movable = mount;
  movable.parent = parent;
  movable.mountpoint = mountpoint;
  return mount;
}

function newMount(
  dentries: DentryCache,
  fs: FileSystem,
  root: Dentry,
  parent: Mount | undefined,
  mountpoint: Dentry | undefined,
  options: MountOptions,
): Mount {
  const { flags = MS_RELATIME, source = fs.type } = options;
  return { id: dentries.nextMountId(), fs, root, parent, mountpoint, flags, source };
}
