/**
 * What every inode of an overlay has: an origin in the lower tree, or an inode of the upper tmpfs, or
 * both. Attributes are copied up by the first change of one; from then on the upper inode has them.
 */
import { Failure } from '../../outcome.js';
import { type AttributeChange, type Attributes, Inode, type NewInode } from '../inode.js';
import type { TmpInode } from '../tmpfs/inode.js';
import type { Overlay } from './overlay.js';

/** What has become of an inode. Shared by all inodes of one lower number (Overlay.states). */
export class OverlayState<U extends TmpInode = TmpInode> {
  upper: U | undefined;
  /** Names won and lost since the lower layer counted them; all of them where there is no lower one. */
  links = 0;
  /** The upper inode has a link, which keeps it. */
  kept = false;
  /** Descriptions that read the lower file. */
  opens = 0;
  /** Files: the data is in the upper inode. */
  copied = false;
  /** Forgotten while nothing was changed: inodes that still refer to it look for a newer one. */
  forgotten = false;
  /** Directories: it was removed. */
  removed = false;
  /** Directories: names that differ from the lower one's; undefined is a whiteout. */
  readonly names = new Map<string, OverlayInode | undefined>();

  constructor(readonly inode: OverlayInode) {}

  get changed(): boolean {
    return this.upper !== undefined || this.links !== 0 || this.removed || this.names.size > 0;
  }
}

export interface Origin<U extends TmpInode> {
  readonly lower?: Inode;
  readonly upper?: U;
  /** The number of `lower`; absent for what is made here. */
  readonly ino?: number;
}

export abstract class OverlayInode<U extends TmpInode = TmpInode> extends Inode {
  readonly ino: number;
  readonly lower: Inode | undefined;
  private _state: OverlayState<U> | undefined;

  constructor(
    override readonly fs: Overlay,
    origin: Origin<U>,
  ) {
    super();
    this.lower = origin.lower;
    this.ino = origin.ino ?? fs.takeIno();
    if (origin.upper) this.demandState().upper = origin.upper;
  }

  /** Makes the upper inode: attributes are given, content is not. */
  protected abstract makeUpper(how: NewInode): U | Failure;

  protected get state(): OverlayState<U> | undefined {
    if (this._state?.forgotten) this._state = undefined;
    // One number has one kind of inode, so its state is of our kind.
    this._state ??= this.lower && (this.fs.states.get(this.ino) as OverlayState<U> | undefined);
    return this._state;
  }

  /** The state, made if there is none. */
  protected demandState(): OverlayState<U> {
    let { state } = this;
    if (state) return state;
    state = new OverlayState<U>(this);
    this._state = state;
    if (this.lower) this.fs.states.set(this.ino, state);
    return state;
  }

  protected get upper(): U | undefined {
    return this.state?.upper;
  }

  get mode(): number {
    return this._shown.mode;
  }

  /** Where attributes are. */
  private get _shown(): Inode {
    // One of the two is always there.
    return (this.upper ?? this.lower) as Inode;
  }

  attributes(): Attributes {
    const { upper } = this;
    const all = this._shown.attributes();
    all.dev = this.fs.dev;
    all.ino = this.ino;
    if (!this.lower) {
      all.nlink = this.countLinks(0);
    } else if (!upper) {
      all.nlink = this.countLinks(all.nlink);
    } else {
      const below = this.lower.attributes();
      all.nlink = this.countLinks(below.nlink);
      if (below.btime) all.btime = below.btime;
    }
    return all;
  }

  /** Links that it has now, when the lower inode has `below`. */
  protected countLinks(below: number): number {
    return Math.max(0, below + (this.state?.links ?? 0));
  }

  private _links(): number {
    return this.countLinks(this.lower?.attributes().nlink ?? 0);
  }

  /** The upper inode, made with the lower one's attributes if need be. */
  protected copyUp(): U | Failure {
    const known = this.upper;
    if (known) return known;
    const a = this._shown.attributes();
    const made = this.makeUpper({ mode: a.mode, uid: a.uid, gid: a.gid, rdev: a.rdev });
    if (made instanceof Failure) return made;
    this.demandState().upper = made;
    if (this.countLinks(a.nlink) > 0) this._keep(made);
    this._copyXattrs(made);
    made.setAttributes({ atime: a.atime, mtime: a.mtime, ctime: a.ctime });
    return made;
  }

  /** A link of its own keeps the upper inode for as long as the overlay's has one. */
  private _keep(upper: U): void {
    upper.addLink();
    this.demandState().kept = true;
  }

  private _copyXattrs(to: U): void {
    const names = this.lower?.listXattr();
    if (!names || names instanceof Failure) return;
    for (const name of names) {
      const value = this.lower?.getXattr(name);
      if (value && !(value instanceof Failure)) to.setXattr(name, value, 0);
    }
  }

  override setAttributes(change: AttributeChange): Failure | undefined {
    const upper = this.copyUp();
    return upper instanceof Failure ? upper : upper.setAttributes(change);
  }

  // --- Names; called by OverlayDirectory ---

  /** It was given a name. */
  addLink(): void {
    const state = this.demandState();
    state.links++;
    if (state.upper && !state.kept) this._keep(state.upper);
    this.touchStatus();
  }

  /** It lost a name. */
  dropLink(): void {
    this.demandState().links--;
    if (this._links() > 0) this.touchStatus();
    else this.ended();
  }

  /** The last name is gone: content goes with the last description. */
  protected ended(): void {
    const state = this.demandState();
    if (state.opens === 0) this.fs.states.delete(this.ino);
    if (state.kept) state.upper?.dropLink();
    state.kept = false;
  }

  /** Its status changed: ctime is now. */
  touchStatus(): void {
    const upper = this.copyUp();
    if (!(upper instanceof Failure)) upper.setAttributes({});
  }

  /** Somebody reads the lower file: whatever happens to the name, the state is there to tell of it. */
  openedBelow(): void {
    this.demandState().opens++;
  }

  closedBelow(): void {
    const state = this.demandState();
    state.opens--;
    if (state.opens > 0) return;
    if (!state.changed) state.forgotten = true;
    if (!state.changed || this._links() === 0) this.fs.states.delete(this.ino);
  }

  // --- Extended attributes ---

  override getXattr(name: string): Uint8Array | Failure {
    return this._shown.getXattr(name);
  }

  override setXattr(name: string, value: Uint8Array, flags: number): Failure | undefined {
    const upper = this.copyUp();
    return upper instanceof Failure ? upper : upper.setXattr(name, value, flags);
  }

  override listXattr(): string[] | Failure {
    return this._shown.listXattr();
  }

  override removeXattr(name: string): Failure | undefined {
    const upper = this.copyUp();
    return upper instanceof Failure ? upper : upper.removeXattr(name);
  }
}
