/**
 * The bytes of a stream between its two ends: one ring that grows by doubling up to what the flow
 * allows, moved by whole copies. Where it is empty it begins at the front again, which keeps a lively
 * stream in the processor's cache.
 */
import type { Sink, Source } from '../../fs/io.js';

const SMALLEST = 4096;
/** Bytes taken from a source at once: enough to hide the cost of the call, few enough for the cache. */
const PIECE = 131_072;

export class ByteRing {
  private _bytes = new Uint8Array(0);
  private _start = 0;
  private _size = 0;

  get size(): number {
    return this._size;
  }

  /** Takes up to `max` bytes; fewer only where the source ends or faults. */
  fill(from: Source, max: number): number {
    let done = 0;
    while (done < max && from.remaining > 0) {
      const part = from.take(Math.min(max - done, PIECE));
      if (part.length === 0) break;
      this.append(part);
      done += part.length;
    }
    return done;
  }

  append(bytes: Uint8Array): void {
    this._reserve(this._size + bytes.length);
    const capacity = this._bytes.length;
    const end = (this._start + this._size) % capacity;
    const first = Math.min(bytes.length, capacity - end);
    this._bytes.set(first === bytes.length ? bytes : bytes.subarray(0, first), end);
    if (first < bytes.length) this._bytes.set(bytes.subarray(first), 0);
    this._size += bytes.length;
  }

  /** Gives out bytes until the sink is full or the ring empty. */
  drain(to: Sink): number {
    const n = this.copy(to);
    this.discard(n);
    return n;
  }

  /** As drain, and leaves the bytes where they are. */
  copy(to: Sink): number {
    const wanted = Math.min(this._size, to.remaining);
    const first = Math.min(wanted, this._bytes.length - this._start);
    if (wanted === 0) return 0;
    const n = to.put(this._bytes.subarray(this._start, this._start + first));
    if (n < first || first === wanted) return n;
    return n + to.put(this._bytes.subarray(0, wanted - first));
  }

  /** Drops the oldest bytes, at most all. */
  discard(count: number): number {
    const n = Math.min(count, this._size);
    this._size -= n;
    this._start = this._size === 0 ? 0 : (this._start + n) % this._bytes.length;
    return n;
  }

  clear(): void {
    this._bytes = new Uint8Array(0);
    this._start = 0;
    this._size = 0;
  }

  private _reserve(size: number): void {
    const capacity = this._bytes.length;
    if (size <= capacity) return;
    let grown = Math.max(capacity, SMALLEST);
    while (grown < size) grown *= 2;
    const bytes = new Uint8Array(grown);
    const first = Math.min(this._size, capacity - this._start);
    bytes.set(this._bytes.subarray(this._start, this._start + first));
    bytes.set(this._bytes.subarray(0, this._size - first), first);
    this._bytes = bytes;
    this._start = 0;
  }
}
