/**
 * Advisory locks of an inode: POSIX and open-file-description record locks, fcntl(2), and flock(2).
 * Linux: fs/locks.c.
 *
 * Both kinds of record locks live in one table and conflict with each other; flock's are apart. An
 * owner is the FdTable of a process (POSIX), or a FileDescription (OFD and flock). Owner of the
 * table: the shard of the inode. Invariant: the ranges of one owner do not overlap, and neighbours
 * of the same type are merged.
 */

import { type F_RDLCK, F_UNLCK, F_WRLCK } from '../../../abi/open.js';
import { SideTable } from '../../side-table.js';
import { IN, WaitQueue } from '../../wait.js';
import type { FileDescription } from '../file-description.js';
import type { FileSystem, Inode } from '../inode.js';

/** Bytes from `start` up to but not including `end`, which is Infinity for "to the end of the file". */
export interface RecordLock {
  readonly type: typeof F_RDLCK | typeof F_WRLCK;
  readonly start: number;
  readonly end: number;
  readonly owner: object;
  /** What F_GETLK tells of the owner: a process id, or -1 for a file description. */
  readonly pid: number;
}

export interface RecordRequest extends Omit<RecordLock, 'type'> {
  readonly type: typeof F_RDLCK | typeof F_WRLCK | typeof F_UNLCK;
}

export class LockTable {
  /** Notified whenever a lock goes or gets weaker. */
  readonly queue = new WaitQueue();
  private _records: RecordLock[] = [];
  private readonly _flocks = new Map<object, 'shared' | 'exclusive'>();

  /** A lock of another owner that stands in the way of this one. */
  conflict(request: RecordRequest): RecordLock | undefined {
    if (request.type === F_UNLCK) return undefined;
    return this._records.find(
      (held) =>
        held.owner !== request.owner &&
        held.start < request.end &&
        request.start < held.end &&
        (held.type === F_WRLCK || request.type === F_WRLCK),
    );
  }

  /** Sets or clears a range that has no conflict, cutting and merging what the owner held there. */
  apply(request: RecordRequest): void {
    const { type, owner, pid } = request;
    let { start, end } = request;
    const others: RecordLock[] = [];
    for (const held of this._records) {
      if (held.owner !== owner || held.end < start || held.start > end) {
        others.push(held);
      } else if (held.type === type) {
        start = Math.min(start, held.start);
        end = Math.max(end, held.end);
      } else {
        if (held.start < start) others.push({ ...held, end: Math.min(held.end, start) });
        if (held.end > end) others.push({ ...held, start: Math.max(held.start, end) });
      }
    }
    if (type !== F_UNLCK) others.push({ type, owner, pid, start, end });
    this._records = others;
    this.queue.notify(IN);
  }

  /** Everything an owner holds here is gone. */
  dropRecords(owner: object): void {
    const left = this._records.filter((held) => held.owner !== owner);
    if (left.length === this._records.length) return;
    this._records = left;
    this.queue.notify(IN);
  }

  records(): readonly RecordLock[] {
    return this._records;
  }

  /**
   * flock(2): false when another description's lock stands in the way. As in Linux, a conversion gives
   * the old lock up first, so a refused one leaves none.
   */
  tryFlock(owner: object, kind: 'shared' | 'exclusive'): boolean {
    const before = this._flocks.get(owner);
    if (before === kind) return true;
    if (before) this.dropFlock(owner);
    for (const held of this._flocks.values()) {
      if (kind === 'exclusive' || held === 'exclusive') return false;
    }
    this._flocks.set(owner, kind);
    return true;
  }

  dropFlock(owner: object): void {
    if (this._flocks.delete(owner)) this.queue.notify(IN);
  }

  get empty(): boolean {
    return this._records.length === 0 && this._flocks.size === 0;
  }
}

/** By file system and inode number: a file system may make its inode objects anew (cachesNames false). */
const tables = new SideTable<FileSystem, Map<number, LockTable>>('locks');
/** Owners that ever held a record lock: everybody else's close need not look. */
const lockers = new SideTable<object, true>('has held locks');
/** Descriptions whose end drops their locks already. */
const watched = new WeakSet<FileDescription>();

/** The locks of an inode; the table is made when first asked for. */
export function locksOf(inode: Inode): LockTable {
  let ofFs = tables.get(inode.fs);
  if (!ofFs) {
    ofFs = new Map();
    tables.set(inode.fs, ofFs);
  }
  const { ino } = inode.attributes();
  let table = ofFs.get(ino);
  if (!table) {
    table = new LockTable();
    ofFs.set(ino, table);
  }
  return table;
}

/** To be called before the owner's first record lock. */
export function rememberLocker(owner: object): void {
  lockers.set(owner, true);
}

/** close(2) of any descriptor of a file drops the process's record locks on it. */
export function dropRecordLocks(inode: Inode, owner: object): void {
  if (!lockers.has(owner)) return;
  dropHere(inode, (table) => table.dropRecords(owner));
}

/** Locks owned by the description end with it. */
export function dropLocksAtClose(file: FileDescription): void {
  if (watched.has(file)) return;
  watched.add(file);
  file.whenClosed(() => {
    dropHere(file.inode, (table) => {
      table.dropRecords(file);
      table.dropFlock(file);
    });
  });
}

function dropHere(inode: Inode, drop: (table: LockTable) => void): void {
  const ofFs = tables.get(inode.fs);
  if (!ofFs || ofFs.size === 0) return;
  const { ino } = inode.attributes();
  const table = ofFs.get(ino);
  if (!table) return;
  drop(table);
  // Whoever waits here has the table in hand: it may go only when nobody does.
  if (table.empty && table.queue.empty) ofFs.delete(ino);
}
