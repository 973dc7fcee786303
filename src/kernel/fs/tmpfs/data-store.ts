/**
 * What the files of one tmpfs share: its budget of memory, and the host that large files move to.
 */
import type { HostFd } from '../../../base/brand.js';
import { membersOf } from '../../save/graph.js';
import type { HostFiles } from '../host-files.js';

/** What file data needs of the host. */
export type MemoryHost = Pick<
  HostFiles,
  'memfd' | 'close' | 'fstat' | 'pread' | 'pwrite' | 'ftruncate' | 'punchHole' | 'lseek'
>;

export const PAGE = 4096;

export class DataStore {
  /** Memfds that are open, to be closed with the file system. */
  memfds = new Set<HostFd>();
  private _used = 0;

  constructor(
    readonly host: MemoryHost,
    /** Bytes that all files together may take; Infinity for no limit. */
    readonly limit: number,
  ) {}

  get used(): number {
    return this._used;
  }

  get free(): number {
    return Math.max(0, this.limit - this._used);
  }

  /** Takes pages off the budget; false, and nothing taken, when there are not as many left. */
  charge(pages: number): boolean {
    const bytes = pages * PAGE;
    if (this._used + bytes > this.limit) return false;
    this._used += bytes;
    return true;
  }

  /** Notes pages that are in use whether or not the budget allows it. */
  force(pages: number): void {
    this._used += pages * PAGE;
  }

  refund(pages: number): void {
    this._used -= pages * PAGE;
  }

  toSaved(): Record<string, unknown> {
    return membersOf(this, ['memfds']);
  }

  fromSaved(saved: Record<string, unknown>): void {
    Object.assign(this, saved, { memfds: new Set() });
  }

  release(): void {
    for (const fd of this.memfds) this.host.close(fd);
    this.memfds.clear();
  }
}
