/**
 * Sparse bytes in the kernel's own memory: the small files of a tmpfs. Linux: the page tree of
 * mm/shmem.c.
 *
 * 64 KiB chunks, each with a mask of its 16 pages that count as allocated (st_blocks, SEEK_HOLE, the
 * budget of the store). A chunk's buffer is only as long as was written: what lies behind is zero.
 * Invariants: bytes of pages that are not allocated are zero; every allocated page is charged once.
 */
import type { Sink, Source } from '../io.js';
import { type DataStore, PAGE } from './data-store.js';

export const CHUNK = 65_536;
const PAGES = CHUNK / PAGE;
const ALL_PAGES = (1 << PAGES) - 1;
const FIRST_BUFFER = 256;

interface Chunk {
  bytes: Uint8Array;
  /** Bit n: page n is allocated. */
  pages: number;
}

export class Chunks {
  private readonly _chunks = new Map<number, Chunk>();
  private _allocated = 0;

  constructor(readonly store: DataStore) {}

  get allocatedPages(): number {
    return this._allocated;
  }

  /** Puts the bytes from `offset` up to `end`; returns how many the sink took. */
  read(to: Sink, offset: number, end: number): number {
    let at = offset;
    while (at < end) {
      const index = Math.floor(at / CHUNK);
      const from = at - index * CHUNK;
      const wanted = Math.min(CHUNK - from, end - at);
      const bytes = this._chunks.get(index)?.bytes;
      const there = bytes ? Math.min(wanted, bytes.length - from) : 0;
      const asked = there > 0 ? there : wanted;
      const taken = bytes && there > 0 ? to.put(bytes.subarray(from, from + there)) : to.putZeros(wanted);
      at += taken;
      if (taken < asked) break;
    }
    return at - offset;
  }

  /** Takes bytes up to `end`; returns how many came, fewer at a fault of the source or a full store. */
  write(from: Source, offset: number, end: number): { written: number; full: boolean } {
    let at = offset;
    while (at < end) {
      const index = Math.floor(at / CHUNK);
      const start = at - index * CHUNK;
      const wanted = Math.min(CHUNK - start, end - at);
      const allowed = this._allocate(index, start, start + wanted) - start;
      if (allowed <= 0) return { written: at - offset, full: true };
      const bytes = from.take(allowed);
      this._bufferOf(index, start + bytes.length).set(bytes, start);
      at += bytes.length;
      if (bytes.length < allowed) break;
    }
    return { written: at - offset, full: false };
  }

  /** Allocates pages of zeros where there are none; false when the store is full. */
  allocate(offset: number, end: number): boolean {
    for (let at = offset; at < end; ) {
      const index = Math.floor(at / CHUNK);
      const start = index * CHUNK;
      const to = Math.min(CHUNK, end - start);
      if (this._allocate(index, at - start, to) < to) return false;
      at = start + to;
    }
    return true;
  }

  /** Makes a hole: zeros, and the pages wholly inside are given back. */
  punch(offset: number, end: number): void {
    for (const [index, chunk] of this._chunks) {
      const from = Math.max(0, offset - index * CHUNK);
      const to = Math.min(CHUNK, end - index * CHUNK);
      if (from >= to) continue;
      chunk.bytes.fill(0, from, Math.min(to, chunk.bytes.length));
      this._free(index, chunk, pageMask(Math.ceil(from / PAGE), Math.floor(to / PAGE)));
    }
  }

  /** Drops everything from `size` on. */
  truncate(size: number): void {
    const edge = Math.floor(size / CHUNK);
    for (const [index, chunk] of this._chunks) {
      if (index < edge) continue;
      const keep = index === edge ? size - edge * CHUNK : 0;
      if (keep < chunk.bytes.length) chunk.bytes = chunk.bytes.slice(0, keep);
      this._free(index, chunk, pageMask(Math.ceil(keep / PAGE), PAGES));
    }
  }

  /** The first allocated page at or after `offset` (`data`), or the first that is not, below `size`. */
  seek(offset: number, size: number, what: 'data' | 'hole'): number | undefined {
    for (let at = offset; at < size; at = (Math.floor(at / PAGE) + 1) * PAGE) {
      const chunk = this._chunks.get(Math.floor(at / CHUNK));
      const page = Math.floor((at % CHUNK) / PAGE);
      const allocated = chunk !== undefined && ((chunk.pages >>> page) & 1) === 1;
      if (allocated === (what === 'data')) return at;
      if (!chunk) {
        const next = this._nextChunk(at);
        if (next === undefined) return undefined;
        at = next * CHUNK - PAGE;
      }
    }
    return undefined;
  }

  /** Every piece of data with its offset, in no special order. */
  *pieces(): IterableIterator<[offset: number, bytes: Uint8Array]> {
    for (const [index, chunk] of this._chunks) yield [index * CHUNK, chunk.bytes];
  }

  /** Forgets everything and gives all pages back. */
  clear(): void {
    this.store.refund(this._allocated);
    this._allocated = 0;
    this._chunks.clear();
  }

  /** Charges the pages from `from` to `to` of a chunk; returns how far it came. */
  private _allocate(index: number, from: number, to: number): number {
    let chunk = this._chunks.get(index);
    const had = chunk?.pages ?? 0;
    const wanted = pageMask(Math.floor(from / PAGE), Math.ceil(to / PAGE)) & ~had;
    let got = 0;
    let end = to;
    if (wanted !== 0 && this.store.charge(countBits(wanted))) {
      got = wanted;
    } else if (wanted !== 0) {
      // Not all of it fits: as many pages from the front as there are.
      for (let page = Math.floor(from / PAGE); page * PAGE < to; page++) {
        const bit = 1 << page;
        if (had & bit) continue;
        if (!this.store.charge(1)) {
          end = Math.max(from, page * PAGE);
          break;
        }
        got |= bit;
      }
    }
    if (got === 0) return end;
    if (!chunk) {
      chunk = { bytes: new Uint8Array(0), pages: 0 };
      this._chunks.set(index, chunk);
    }
    chunk.pages |= got;
    this._allocated += countBits(got);
    return end;
  }

  /** The buffer of an allocated chunk, with room for `length` bytes. */
  private _bufferOf(index: number, length: number): Uint8Array {
    const chunk = this._chunks.get(index) as Chunk;
    if (chunk.bytes.length < length) {
      const grown = new Uint8Array(Math.min(CHUNK, Math.max(length, 2 * chunk.bytes.length, FIRST_BUFFER)));
      grown.set(chunk.bytes);
      chunk.bytes = grown;
    }
    return chunk.bytes;
  }

  private _free(index: number, chunk: Chunk, mask: number): void {
    const freed = chunk.pages & mask;
    if (freed !== 0) {
      chunk.pages &= ~freed;
      const pages = countBits(freed);
      this._allocated -= pages;
      this.store.refund(pages);
    }
    if (chunk.pages === 0) this._chunks.delete(index);
  }

  private _nextChunk(after: number): number | undefined {
    const index = Math.floor(after / CHUNK);
    let next: number | undefined;
    for (const i of this._chunks.keys()) if (i > index && (next === undefined || i < next)) next = i;
    return next;
  }
}

/** Bits of the pages from `first` up to but not including `end`. */
function pageMask(first: number, end: number): number {
  return first >= end ? 0 : (ALL_PAGES >>> (PAGES - (end - first))) << first;
}

function countBits(mask: number): number {
  let count = 0;
  for (let m = mask; m !== 0; m &= m - 1) count++;
  return count;
}
