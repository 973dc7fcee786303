/**
 * Directories of an overlay: the lower directory's names, less those that were removed, plus those that
 * were made. `OverlayState.names` holds the difference; undefined stands for a whiteout. A directory made here has
 * no lower one, which is what overlayfs calls opaque.
 */
import { E } from '../../../abi/errno.js';
import { direntType, isDirectory, S_IFDIR, S_IFMT, S_IFREG } from '../../../abi/mode.js';
import { O_DIRECTORY, O_RDONLY } from '../../../abi/open.js';
import { Failure, fail } from '../../outcome.js';
import type { FileDescription } from '../file-description.js';
import type { Attributes, Inode, NewInode } from '../inode.js';
import type { VfsPath } from '../path.js';
import { type Listed, ListedDirectory } from '../synthetic/listed-directory.js';
import type { TmpDirectory } from '../tmpfs/directory.js';
import type { Overlay } from './overlay.js';
import { OverlayFile } from './overlay-file.js';
import { type Origin, OverlayInode } from './overlay-inode.js';
import { OverlaySpecial, OverlaySymlink } from './overlay-special.js';

const NOTHING: ReadonlyMap<string, OverlayInode | undefined> = new Map();

export class OverlayDirectory extends OverlayInode<TmpDirectory> {
  constructor(fs: Overlay, origin: Origin<TmpDirectory>) {
    super(fs, origin);
    // "." is a link to it.
    if (!origin.lower) this.demandState().links++;
  }

  protected override makeUpper(how: NewInode): TmpDirectory | Failure {
    return this.fs.upper.makeDirectory(how);
  }

  override attributes(): Attributes {
    const all = super.attributes();
    if (!this.lower || !this.upper) return all;
    const { size, blocks } = this.lower.attributes();
    return { ...all, size, blocks };
  }

  override lookup(name: string): OverlayInode | Failure {
    const names = this.state?.names;
    const own = names?.get(name);
    if (own) return own;
    if (!this.lower || names?.has(name)) return fail(E.ENOENT);
    const found = this.lower.lookup(name);
    return found instanceof Failure ? found : this.fs.wrap(found);
  }

  override open(flags: number, path: VfsPath | undefined): FileDescription {
    return new ListedDirectory(this, path, flags);
  }

  /** Lower names in the lower order, then those made here in the order they were. */
  list(): Listed[] | Failure {
    const listed: Listed[] = [];
    const names = this.state?.names ?? NOTHING;
    const failed = this._eachBelow((entry) => {
      if (!names.has(entry.name)) listed.push(entry);
      return true;
    });
    if (failed) return failed;
    for (const [name, inode] of names) {
      if (inode) listed.push({ name, ino: inode.ino, type: direntType(inode.mode) });
    }
    return listed;
  }

  private _eachBelow(visit: (entry: Listed) => boolean): Failure | undefined {
    if (!this.lower || this.state?.removed) return undefined;
    const below = this.lower.open(O_RDONLY | O_DIRECTORY, undefined);
    if (below instanceof Failure) return below;
    const failed = below.readDirectory(({ name, ino, type }) =>
      name === '.' || name === '..' ? true : visit({ name, ino, type }),
    );
    below.release();
    return failed;
  }

  private _isEmpty(): boolean | Failure {
    const names = this.state?.names ?? NOTHING;
    for (const inode of names.values()) if (inode) return false;
    let empty = true;
    const failed = this._eachBelow(({ name }) => {
      if (names.has(name)) return true;
      empty = false;
      return false;
    });
    return failed ?? empty;
  }

  // --- Making ---

  override create(name: string, how: NewInode): Inode | Failure {
    if ((how.mode & S_IFMT) === S_IFREG) {
      const upper = this.fs.upper.makeFile(how);
      return upper instanceof Failure ? upper : this._add(name, new OverlayFile(this.fs, { upper }));
    }
    const upper = this.fs.upper.makeSpecial(how);
    return upper instanceof Failure ? upper : this._add(name, new OverlaySpecial(this.fs, { upper }));
  }

  override createTemporary(how: NewInode): Inode | Failure {
    const upper = this.fs.upper.makeFile(how);
    return upper instanceof Failure ? upper : new OverlayFile(this.fs, { upper });
  }

  override mkdir(name: string, how: NewInode): Inode | Failure {
    const upper = this.fs.upper.makeDirectory({ ...how, mode: (how.mode & ~S_IFMT) | S_IFDIR });
    return upper instanceof Failure ? upper : this._add(name, new OverlayDirectory(this.fs, { upper }));
  }

  override symlink(name: string, target: string, how: NewInode): Inode | Failure {
    const upper = this.fs.upper.makeSymlink(target, how);
    return upper instanceof Failure ? upper : this._add(name, new OverlaySymlink(this.fs, { upper }));
  }

  override link(name: string, target: Inode): Failure | undefined {
    if (!(target instanceof OverlayInode) || target.fs !== this.fs) return fail(E.EXDEV);
    if (isDirectory(target.mode)) return fail(E.EPERM);
    const added = this._add(name, target);
    return added instanceof Failure ? added : undefined;
  }

  private _add<T extends OverlayInode>(name: string, inode: T): T | Failure {
    if (this.state?.removed) return fail(E.ENOENT);
    if (!(this.lookup(name) instanceof Failure)) return fail(E.EEXIST);
    const failed = this._touch();
    if (failed) return failed;
    this._set(name, inode);
    inode.addLink();
    return inode;
  }

  // --- Removing ---

  override unlink(name: string): Failure | undefined {
    const inode = this.lookup(name);
    if (inode instanceof Failure) return inode;
    if (isDirectory(inode.mode)) return fail(E.EISDIR);
    const failed = this._touch();
    if (failed) return failed;
    this._take(name, inode);
    inode.dropLink();
    return undefined;
  }

  override rmdir(name: string): Failure | undefined {
    const inode = this.lookup(name);
    if (inode instanceof Failure) return inode;
    if (!(inode instanceof OverlayDirectory)) return fail(E.ENOTDIR);
    const empty = inode._isEmpty();
    if (empty instanceof Failure) return empty;
    if (!empty) return fail(E.ENOTEMPTY);
    const failed = this._touch();
    if (failed) return failed;
    this._take(name, inode);
    inode._end();
    return undefined;
  }

  override rename(
    name: string,
    toDir: Inode,
    toName: string,
    how: { exchange: boolean },
  ): Failure | undefined {
    if (!(toDir instanceof OverlayDirectory) || toDir.fs !== this.fs) return fail(E.EXDEV);
    const inode = this.lookup(name);
    if (inode instanceof Failure) return inode;
    const target = toDir.lookup(toName);
    if (target instanceof Failure && target.errno !== E.ENOENT) return target;
    const replaced = target instanceof Failure ? undefined : target;
    if (how.exchange && !replaced) return fail(E.ENOENT);
    if (replaced?.ino === inode.ino) return undefined;
    if (replaced && !how.exchange) {
      const refused = this._mayReplace(replaced, inode);
      if (refused) return refused;
    }
    const failed = this._touch() ?? toDir._touch();
    if (failed) return failed;
    this._take(name, inode);
    if (replaced) toDir._take(toName, replaced);
    toDir._set(toName, inode);
    inode.touchStatus();
    if (!replaced) return undefined;
    if (how.exchange) {
      this._set(name, replaced);
      replaced.touchStatus();
    } else if (replaced instanceof OverlayDirectory) replaced._end();
    else replaced.dropLink();
    return undefined;
  }

  /** Whether `moved` may take the place of this name's inode. */
  private _mayReplace(target: OverlayInode, moved: OverlayInode): Failure | undefined {
    if (!(target instanceof OverlayDirectory)) return isDirectory(moved.mode) ? fail(E.ENOTDIR) : undefined;
    if (!isDirectory(moved.mode)) return fail(E.EISDIR);
    const empty = target._isEmpty();
    if (empty instanceof Failure) return empty;
    return empty ? undefined : fail(E.ENOTEMPTY);
  }

  protected override countLinks(below: number): number {
    return this.state?.removed ? 0 : super.countLinks(below);
  }

  /** It was removed: it is empty and nothing can be made in it. */
  private _end(): void {
    const state = this.demandState();
    state.removed = true;
    state.names.clear();
    this.ended();
  }

  private _set(name: string, inode: OverlayInode): void {
    const state = this.demandState();
    // Anew at the end, also where a whiteout was: readers go by the order of making.
    state.names.delete(name);
    state.names.set(name, inode);
    if (isDirectory(inode.mode)) state.links++;
  }

  /** Takes a name away; a whiteout stays where the lower directory has it. */
  private _take(name: string, inode: OverlayInode): void {
    const state = this.demandState();
    state.names.delete(name);
    if (this.lower && !(this.lower.lookup(name) instanceof Failure)) state.names.set(name, undefined);
    if (isDirectory(inode.mode)) state.links--;
  }

  /** Its names are about to change: from now on it has a state of its own. */
  private _touch(): Failure | undefined {
    const upper = this.copyUp();
    if (upper instanceof Failure) return upper;
    return upper.setAttributes({ mtime: this.fs.services.clock.realtime() });
  }
}
