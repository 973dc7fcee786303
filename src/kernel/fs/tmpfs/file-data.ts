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
import { type Failure, fail } from '../../outcome.js';
import { newHostStat } from '../host-files.js';
import type { Sink, Source } from '../io.js';
import { CHUNK, Chunks } from './chunks.js';
import { type DataStore, PAGE } from './data-store.js';

/** A file with more data than this moves to a memfd. */
const LARGE = 1 << 20;
/** Offsets are exact in a double up to 2⁵³. */
export const MAX_FILE_SIZE = Number.MAX_SAFE_INTEGER - (PAGE - 1);

const zeros = new Uint8Array(CHUNK);
const stat = newHostStat();

export class FileData {
  #size = 0;
  readonly #chunks: Chunks;
  #fd: HostFd | undefined;
  /** Pages charged for the memfd. */
  #charged = 0;
  /** The memfd has no holes, so what it takes follows from its size. */
  #dense = false;

  constructor(readonly store: DataStore) {
    this.#chunks = new Chunks(store);
  }

  get size(): number {
    return this.#size;
  }

  /** 512-byte blocks in use, as st_blocks. */
  get blocks(): number {
    if (this.#fd !== undefined && !this.#dense) this.#recount(this.#fd);
    return ((this.#fd === undefined ? this.#chunks.allocatedPages : this.#charged) * PAGE) / 512;
  }

  /** Bytes put into the sink; 0 at the end of the file. */
  read(to: Sink, offset: number): number | Failure {
    const end = Math.min(this.#size, offset + to.remaining);
    if (offset >= end) return 0;
    if (this.#fd === undefined) return this.#chunks.read(to, offset, end);
    const n = to.putFromFile(this.#fd, offset, end - offset);
    return n < 0 ? fail(-n as Errno) : n;
  }

  /** Bytes taken from the source, fewer where it faults or memory ends; ENOSPC when none fit. */
  write(from: Source, offset: number): number | Failure {
    const end = Math.min(MAX_FILE_SIZE, offset + from.remaining);
    if (offset >= end) return from.remaining === 0 ? 0 : fail(E.EFBIG);
    if (this.#fd === undefined && this.#chunks.allocatedPages * PAGE + (end - offset) > LARGE) this.memfd();
    if (this.#fd !== undefined) return this.#writeMemfd(this.#fd, from, offset, end - offset);
    const { written, full } = this.#chunks.write(from, offset, end);
    if (written > 0) this.#size = Math.max(this.#size, offset + written);
    return written === 0 && full ? fail(E.ENOSPC) : written;
  }

  truncate(size: number): Failure | undefined {
    if (size > MAX_FILE_SIZE) return fail(E.EFBIG);
    if (this.#fd !== undefined) {
      const failed = this.store.host.ftruncate(this.#fd, size);
      if (failed < 0) return fail(-failed as Errno);
      if (size > this.#size) this.#dense = false;
      this.#size = size;
      this.#recount(this.#fd);
      return undefined;
    }
    if (size < this.#size) this.#chunks.truncate(size);
    this.#size = size;
    return undefined;
  }

  /** fallocate(2) with mode 0 or KEEP_SIZE: room that a later write will not be refused. */
  allocate(offset: number, length: number, options: { keepSize: boolean }): Failure | undefined {
    const end = offset + length;
    if (end > MAX_FILE_SIZE) return fail(E.EFBIG);
    if (length > LARGE && this.#fd === undefined) this.memfd();
    if (this.#fd === undefined) {
      if (!this.#chunks.allocate(offset, end)) return fail(E.ENOSPC);
    } else if (end - this.#size > this.store.free) {
      return fail(E.ENOSPC);
    }
    if (options.keepSize || end <= this.#size) return undefined;
    return this.#fd === undefined ? this.#grow(end) : this.truncate(end);
  }

  /** fallocate(2) with PUNCH_HOLE: zeros, and the memory is given back where that can be done. */
  punch(offset: number, length: number): void {
    if (this.#fd === undefined) {
      this.#chunks.punch(offset, offset + length);
      return;
    }
    const end = Math.min(offset + length, this.#size);
    for (let at = offset; at < end; at += CHUNK) {
      this.store.host.pwrite(this.#fd, zeros.subarray(0, Math.min(CHUNK, end - at)), at);
    }
    if (!this.#dense) this.#recount(this.#fd);
  }

  /** lseek(2) with SEEK_DATA and SEEK_HOLE. */
  seek(offset: number, what: 'data' | 'hole', whence: number): number | Failure {
    if (offset < 0 || offset >= this.#size) return fail(E.ENXIO);
    if (this.#fd !== undefined) {
      const found = this.store.host.lseek(this.#fd, offset, whence);
      return found < 0 ? fail(-found as Errno) : found;
    }
    const found = this.#chunks.seek(offset, this.#size, what);
    return found ?? (what === 'hole' ? this.#size : fail(E.ENXIO));
  }

  /** The file as a host descriptor that can be mapped: moves it there the first time. */
  memfd(): HostFd | Failure {
    if (this.#fd !== undefined) return this.#fd;
    const { host } = this.store;
    const made = host.memfd('tmpfs');
    if (made < 0) return fail(-made as Errno);
    const fd = made as HostFd;
    for (const [offset, bytes] of this.#chunks.pieces()) {
      const inside = Math.min(bytes.length, this.#size - offset);
      if (inside > 0 && host.pwrite(fd, bytes.subarray(0, inside), offset) !== inside) {
        host.close(fd);
        return fail(E.ENOMEM);
      }
    }
    host.ftruncate(fd, this.#size);
    this.#chunks.clear();
    this.#fd = fd;
    this.store.memfds.add(fd);
    this.#recount(fd);
    return fd;
  }

  /** Gives everything back. Idempotent. */
  release(): void {
    this.#chunks.clear();
    this.#size = 0;
    if (this.#fd === undefined) return;
    this.store.refund(this.#charged);
    this.#charged = 0;
    if (this.store.memfds.delete(this.#fd)) this.store.host.close(this.#fd);
    this.#fd = undefined;
  }

  #grow(size: number): undefined {
    this.#size = size;
    return undefined;
  }

  #writeMemfd(fd: HostFd, from: Source, offset: number, length: number): number | Failure {
    const overwritten = Math.max(0, Math.min(this.#size, offset + length) - offset);
    const allowed = Math.min(length, overwritten + this.store.free);
    if (allowed <= 0) return fail(E.ENOSPC);
    const n = from.takeToFile(fd, offset, allowed);
    if (n <= 0) return n < 0 ? fail(-n as Errno) : 0;
    if (offset > this.#size) this.#dense = false;
    this.#size = Math.max(this.#size, offset + n);
    if (this.#dense) this.#setCharged(Math.ceil(this.#size / PAGE));
    else this.#recount(fd);
    return n;
  }

  /** Asks the host what the memfd takes; guests that map it fill its holes without asking. */
  #recount(fd: HostFd): void {
    if (this.store.host.fstat(fd, stat) < 0) return;
    const pages = Math.ceil((stat.blocks * 512) / PAGE);
    this.#setCharged(pages);
    this.#dense = pages >= Math.ceil(this.#size / PAGE);
  }

  #setCharged(pages: number): void {
    if (pages > this.#charged) this.store.force(pages - this.#charged);
    else this.store.refund(this.#charged - pages);
    this.#charged = pages;
  }
}
