/**
 * The bytes of an in-memory file: small ones in chunks of the kernel's own memory, large or mapped ones
 * in a memfd of the host, where guests map them and where big transfers go with no copy here.
 *
 * A file moves to its memfd once, whole, and stays there. `release` ends it: call it when the last
 * link and the last description are gone.
 *
 * Invariant: bytes at or behind `size` read as zeros when the file grows over them.
 */
import { E, type Errno } from '../../../abi/errno.js';
import type { HostFd } from '../../../base/brand.js';
import { Failure, fail } from '../../outcome.js';
import { type LoadWalk, membersOf } from '../../save/graph.js';
import { newHostStat } from '../host-files.js';
import type { Sink, Source } from '../io.js';
import { newMemory, type Piece, readMemory } from '../memory-file.js';
import { Chunks } from './chunks.js';
import { type DataStore, PAGE } from './data-store.js';

/** A file with more data than this moves to a memfd. */
const LARGE = 1 << 20;
/** Offsets are exact in a double up to 2⁵³. */
export const MAX_FILE_SIZE = Number.MAX_SAFE_INTEGER - (PAGE - 1);

const stat = newHostStat();

export class FileData {
  private _size = 0;
  private readonly _chunks: Chunks;
  private _fd: HostFd | undefined;
  /** Pages charged for the memfd. */
  private _charged = 0;
  /** The memfd has no holes, so what it takes follows from its size. */
  private _dense = false;

  /** The content of the memfd in place of its number. */
  private _saved: readonly Piece[] | undefined;

  constructor(readonly store: DataStore) {
    this._chunks = new Chunks(store);
  }

  get size(): number {
    return this._size;
  }

  /** 512-byte blocks in use, as st_blocks. */
  get blocks(): number {
    if (this._fd !== undefined && !this._dense) this._recount(this._fd);
    return ((this._fd === undefined ? this._chunks.allocatedPages : this._charged) * PAGE) / 512;
  }

  /** Bytes put into the sink; 0 at the end of the file. */
  read(to: Sink, offset: number): number | Failure {
    const end = Math.min(this._size, offset + to.remaining);
    if (offset >= end) return 0;
    if (this._fd === undefined) return this._chunks.read(to, offset, end);
    const n = to.putFromFile(this._fd, offset, end - offset);
    return n < 0 ? fail(-n as Errno) : n;
  }

  /** Bytes taken from the source, fewer where it faults or memory ends; ENOSPC when none fit. */
  write(from: Source, offset: number): number | Failure {
    const end = Math.min(MAX_FILE_SIZE, offset + from.remaining);
    if (offset >= end) return from.remaining === 0 ? 0 : fail(E.EFBIG);
    const homeless = this._moveIfLarge(end - offset);
    if (homeless) return homeless;
    if (this._fd !== undefined) return this._writeMemfd(this._fd, from, offset, end - offset);
    const { written, full } = this._chunks.write(from, offset, end);
    if (written > 0) this._size = Math.max(this._size, offset + written);
    return written === 0 && full ? fail(E.ENOSPC) : written;
  }

  truncate(size: number): Failure | undefined {
    if (size > MAX_FILE_SIZE) return fail(E.EFBIG);
    if (this._fd !== undefined) {
      const failed = this.store.host.ftruncate(this._fd, size);
      if (failed < 0) return fail(-failed as Errno);
      if (size > this._size) this._dense = false;
      this._size = size;
      this._recount(this._fd);
      return undefined;
    }
    if (size < this._size) this._chunks.truncate(size);
    this._size = size;
    return undefined;
  }

  /** fallocate(2) with mode 0 or KEEP_SIZE: room that a later write will not be refused. */
  allocate(offset: number, length: number, options: { keepSize: boolean }): Failure | undefined {
    const end = offset + length;
    if (end > MAX_FILE_SIZE) return fail(E.EFBIG);
    const homeless = this._moveIfLarge(length);
    if (homeless) return homeless;
    if (this._fd === undefined) {
      if (!this._chunks.allocate(offset, end)) return fail(E.ENOSPC);
    } else if (end - this._size > this.store.free) {
      return fail(E.ENOSPC);
    }
    if (options.keepSize || end <= this._size) return undefined;
    return this._fd === undefined ? this._grow(end) : this.truncate(end);
  }

  /** fallocate(2) with PUNCH_HOLE: zeros, and the memory is given back where that can be done. */
  punch(offset: number, length: number): Failure | undefined {
    if (this._fd === undefined) {
      this._chunks.punch(offset, offset + length);
      return undefined;
    }
    const failed = this.store.host.punchHole(this._fd, offset, length);
    if (failed < 0) return fail(-failed as Errno);
    this._recount(this._fd);
    return undefined;
  }

  /** lseek(2) with SEEK_DATA and SEEK_HOLE. */
  seek(offset: number, what: 'data' | 'hole', whence: number): number | Failure {
    if (offset < 0 || offset >= this._size) return fail(E.ENXIO);
    if (this._fd !== undefined) {
      const found = this.store.host.lseek(this._fd, offset, whence);
      return found < 0 ? fail(-found as Errno) : found;
    }
    const found = this._chunks.seek(offset, this._size, what);
    return found ?? (what === 'hole' ? this._size : fail(E.ENXIO));
  }

  /** Before `more` bytes are added: the kernel's own memory holds no more of a file than LARGE. */
  private _moveIfLarge(more: number): Failure | undefined {
    if (this._fd !== undefined || this._chunks.allocatedPages * PAGE + more <= LARGE) return undefined;
    const moved = this.memfd();
    return moved instanceof Failure ? moved : undefined;
  }

  /** The file as a host descriptor that can be mapped: moves it there the first time. */
  memfd(): HostFd | Failure {
    if (this._fd !== undefined) return this._fd;
    const { host } = this.store;
    const made = host.memfd('tmpfs');
    if (made < 0) return fail(-made as Errno);
    const fd = made as HostFd;
    for (const [offset, bytes] of this._chunks.pieces()) {
      const inside = Math.min(bytes.length, this._size - offset);
      if (inside > 0 && host.pwrite(fd, bytes.subarray(0, inside), offset) !== inside) {
        host.close(fd);
        return fail(E.ENOMEM);
      }
    }
    host.ftruncate(fd, this._size);
    this._chunks.clear();
    this._fd = fd;
    this.store.memfds.add(fd);
    this._recount(fd);
    return fd;
  }

  /** Gives everything back. Idempotent. */
  release(): void {
    this._chunks.clear();
    this._size = 0;
    if (this._fd === undefined) return;
    this.store.refund(this._charged);
    this._charged = 0;
    if (this.store.memfds.delete(this._fd)) this.store.host.close(this._fd);
    this._fd = undefined;
  }

  toSaved(): Record<string, unknown> {
    const fd = this._fd;
    return {
      ...membersOf(this, ['_fd']),
      _saved: fd === undefined ? undefined : readMemory(this.store.host, fd),
    };
  }

  fromSaved(saved: Record<string, unknown>): void {
    Object.assign(this, saved);
  }

  restored(load: LoadWalk): void {
    if (!this._saved) return;
    const fd = newMemory(this.store.host, 'tmpfs', this._size, this._saved);
    this._saved = undefined;
    if (fd < 0) load.refuse(`the host has no memory for a file of ${this._size} bytes (errno ${-fd})`);
    this._fd = fd as HostFd;
    this.store.memfds.add(this._fd);
  }

  private _grow(size: number): undefined {
    this._size = size;
    return undefined;
  }

  private _writeMemfd(fd: HostFd, from: Source, offset: number, length: number): number | Failure {
    const overwritten = Math.max(0, Math.min(this._size, offset + length) - offset);
    const allowed = Math.min(length, overwritten + this.store.free);
    if (allowed <= 0) return fail(E.ENOSPC);
    const n = from.takeToFile(fd, offset, allowed);
    if (n <= 0) return n < 0 ? fail(-n as Errno) : 0;
    if (offset > this._size) this._dense = false;
    this._size = Math.max(this._size, offset + n);
    if (this._dense) this._setCharged(Math.ceil(this._size / PAGE));
    else this._recount(fd);
    return n;
  }

  /** Asks the host what the memfd takes; guests that map it fill its holes without asking. */
  private _recount(fd: HostFd): void {
    if (this.store.host.fstat(fd, stat) < 0) return;
    const pages = Math.ceil((stat.blocks * 512) / PAGE);
    this._setCharged(pages);
    this._dense = pages >= Math.ceil(this._size / PAGE);
  }

  private _setCharged(pages: number): void {
    if (pages > this._charged) this.store.force(pages - this._charged);
    else this.store.refund(this._charged - pages);
    this._charged = pages;
  }
}
