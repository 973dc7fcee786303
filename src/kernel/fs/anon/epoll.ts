/**
 * epoll(7): an interest list, and the ready list that its entries' files put them on. Models Linux's
 * fs/eventpoll.c: a wait looks only at entries that were notified; level-triggered ones go to the end
 * of the list again after each report and leave it when they turn out not to be ready.
 *
 * Invariants: an entry does not keep its description alive; the last close of the description takes
 * the entry away. Epolls that watch epolls form no circle and no chain of more than MAX_NESTS links.
 *
 * EPOLLEXCLUSIVE is checked and kept, but every epoll that watches is woken ("one or more", says the page).
 */
import { E } from '../../../abi/errno.js';
import { O_RDWR } from '../../../abi/open.js';
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, EPOLLOUT, EPOLLWAKEUP } from '../../../abi/poll.js';
import { type Failure, fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { ERR, HUP, IN, RDNORM } from '../../wait.js';
import type { FileDescription } from '../file-description.js';
import { AnonFile } from './anon-file.js';
import { EpollItem, type Interest } from './epoll-item.js';

const MAX_NESTS = 4;
const ANY = 0x7fff_ffff;
const EXCLUSIVE_OK = (EPOLLIN | EPOLLOUT | ERR | HUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE) >>> 0;

/** Takes one ready event. */
export type TakeEvent = (events: number, dataLo: number, dataHi: number) => void;

export class EpollFile extends AnonFile {
  protected readonly kind = 'eventpoll';
  /** By description, then by number: a number may be reused while its old description lives on. */
  private readonly _items = new Map<FileDescription, Map<number, EpollItem>>();
  private readonly _ready = new Set<EpollItem>();
  /** Epolls that watch this one. */
  private readonly _watchers = new Set<EpollFile>();

  constructor(services: KernelServices) {
    super(services, O_RDWR);
  }

  add(fd: number, file: FileDescription, interest: Interest): Failure | undefined {
    if ((interest.events & EPOLLEXCLUSIVE) !== 0) {
      if (file instanceof EpollFile || (interest.events & ~EXCLUSIVE_OK) !== 0) return fail(E.EINVAL);
    }
    if (file instanceof EpollFile && this._wouldLoop(file)) return fail(E.ELOOP);
    if (this._find(fd, file)) return fail(E.EEXIST);
    const item = new EpollItem(fd, file);
    item.set(interest);
    const ofFile = this._items.get(file) ?? new Map<number, EpollItem>();
    this._items.set(file, ofFile);
    ofFile.set(fd, item);
    if (file instanceof EpollFile) file._watchers.add(this);
    this._watch(item);
    this._refresh(item);
    return undefined;
  }

  modify(fd: number, file: FileDescription, interest: Interest): Failure | undefined {
    const item = this._find(fd, file);
    if (!item) return fail(E.ENOENT);
    if (item.exclusive || (interest.events & EPOLLEXCLUSIVE) !== 0) return fail(E.EINVAL);
    item.set(interest);
    this._refresh(item);
    return undefined;
  }

  delete(fd: number, file: FileDescription): Failure | undefined {
    const item = this._find(fd, file);
    if (!item) return fail(E.ENOENT);
    this._drop(item);
    return undefined;
  }

  /** Entries on the ready list; some may turn out not to be ready. */
  get readyHint(): number {
    return this._ready.size;
  }

  /** Reports up to `max` ready entries; how many. */
  collect(max: number, take: TakeEvent): number {
    let count = 0;
    // Entries put back go to the end, behind those that were there: each is looked at once.
    let left = this._ready.size;
    for (const item of this._ready) {
      if (left-- === 0 || count === max) break;
      this._ready.delete(item);
      const events = item.ready();
      if (events === 0) continue;
      take(events, item.dataLo, item.dataHi);
      count++;
      if (item.oneShot) item.disable();
      else if (!item.edgeTriggered) this._ready.add(item);
    }
    return count;
  }

  override readiness(): number {
    for (const item of this._ready) {
      if (item.ready() !== 0) return IN | RDNORM;
      this._ready.delete(item);
    }
    return 0;
  }

  override fdinfo(): string {
    const hex = (n: number): string => n.toString(16);
    let text = '';
    for (const item of this._all()) {
      const { ino } = item.file.inode.attributes();
      const data = hex(item.dataHi * 0x1_0000_0000 + item.dataLo).padStart(16);
      text += `tfd: ${String(item.fd).padStart(8)} events: ${hex(item.events).padStart(8)} data: ${data} `;
      text += ` pos:${item.file.offset} ino:${hex(ino)} sdev:${hex(item.file.inode.fs.dev)}\n`;
    }
    return text;
  }

  protected override onClose(): void {
    for (const item of [...this._all()]) this._drop(item);
  }

  restored(): void {
    for (const item of this._all()) this._watch(item);
  }

  private _watch(item: EpollItem): void {
    item.defer(item.file.listen(ANY, (events) => this._notified(item, events)));
    item.defer(item.file.whenClosed(() => this._drop(item)));
  }

  /** Puts an entry on the ready list if it is ready already: on add and modify. */
  private _refresh(item: EpollItem): void {
    if (item.ready() !== 0) this._enqueue(item);
  }

  private _notified(item: EpollItem, events: number): void {
    if (item.wants(events)) this._enqueue(item);
  }

  private _enqueue(item: EpollItem): void {
    this._ready.add(item);
    this.queue.notify(IN | RDNORM);
  }

  private _find(fd: number, file: FileDescription): EpollItem | undefined {
    return this._items.get(file)?.get(fd);
  }

  private _drop(item: EpollItem): void {
    item.detach();
    this._ready.delete(item);
    const ofFile = this._items.get(item.file);
    ofFile?.delete(item.fd);
    if (ofFile?.size !== 0) return;
    this._items.delete(item.file);
    if (item.file instanceof EpollFile) item.file._watchers.delete(this);
  }

  private *_all(): Iterable<EpollItem> {
    for (const ofFile of this._items.values()) yield* ofFile.values();
  }

  /** Whether watching `file` would close a circle or make a chain that is too long. */
  private _wouldLoop(file: EpollFile): boolean {
    const below = file._depthBelow(this);
    return below === undefined || below + this._depthAbove() >= MAX_NESTS;
  }

  /** Links of the longest chain of watched epolls from here; undefined when it reaches `start`. */
  private _depthBelow(start: EpollFile): number | undefined {
    if (this === start) return undefined;
    let depth = 0;
    for (const file of this._items.keys()) {
      if (!(file instanceof EpollFile)) continue;
      const below = file._depthBelow(start);
      if (below === undefined) return undefined;
      depth = Math.max(depth, below + 1);
    }
    return depth;
  }

  private _depthAbove(): number {
    let depth = 0;
    for (const watcher of this._watchers) depth = Math.max(depth, watcher._depthAbove() + 1);
    return depth;
  }
}
