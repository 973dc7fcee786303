/**
 * The bytes in a pipe: a ring of page-sized slots, as Linux keeps them (fs/pipe.c), so that when a
 * pipe counts as full, what merges into a half-filled page, and what EAGAIN means agree exactly.
 *
 * Slot n owns one page of one plain array. Nothing is allocated per read or write; slots that are
 * next to each other in memory are moved by one copy. A slot holds 1…PAGE bytes while it is in use.
 */
import { E } from '../../../abi/errno.js';
import { type Failure, fail } from '../../outcome.js';
import type { Sink, Source } from '../io.js';

export const PAGE = 4096;

/** How a write is kept: merged into the stream, or as packets of their own (O_DIRECT). */
export type Framing = 'stream' | 'packets';

export class PageRing {
  /** Pages; allocated by the first write. */
  private _bytes: Uint8Array | undefined;
  private _start: Uint16Array;
  private _length: Uint16Array;
  private _packet: Uint8Array;
  /** Slot numbers that only grow; modulo `slots` they index the arrays. `_tail` is the oldest in use. */
  private _head = 0;
  private _tail = 0;

  constructor(public slots: number) {
    this._start = new Uint16Array(slots);
    this._length = new Uint16Array(slots);
    this._packet = new Uint8Array(slots);
  }

  get capacity(): number {
    return this.slots * PAGE;
  }
  get used(): number {
    return this._head - this._tail;
  }
  get empty(): boolean {
    return this._head === this._tail;
  }
  get full(): boolean {
    return this.used >= this.slots;
  }

  /** Bytes that can be read: FIONREAD. */
  get size(): number {
    let total = 0;
    for (let n = this._tail; n < this._head; n++) total += this._length[n % this.slots] ?? 0;
    return total;
  }

  /** Moves what is there to a ring of another size; EBUSY when it does not fit. */
  resize(slots: number): Failure | undefined {
    if (this.used > slots) return fail(E.EBUSY);
    const next = new PageRing(slots);
    const bytes = this._bytes;
    if (bytes) {
      next._bytes = new Uint8Array(next.capacity);
      for (let n = this._tail; n < this._head; n++) {
        const from = n % this.slots;
        const to = next._head++;
        next._bytes.set(bytes.subarray(from * PAGE, (from + 1) * PAGE), to * PAGE);
        next._start[to] = this._start[from] ?? 0;
        next._length[to] = this._length[from] ?? 0;
        next._packet[to] = this._packet[from] ?? 0;
      }
      this._bytes = next._bytes;
    }
    this._start = next._start;
    this._length = next._length;
    this._packet = next._packet;
    this._head = next._head;
    this._tail = 0;
    this.slots = slots;
    return undefined;
  }

  /** Bytes taken in, as far as there is room; 0 when full. EFAULT when the source gave nothing. */
  fill(from: Source, framing: Framing): number | Failure {
    let moved = 0;
    if (framing === 'stream') {
      moved = this._merge(from);
      if (moved < 0) return fail(E.EFAULT);
    }
    while (from.remaining > 0 && !this.full) {
      const n = framing === 'stream' ? this._append(from) : this._appendPacket(from);
      moved += n;
      if (n === 0) return moved > 0 ? moved : fail(E.EFAULT);
    }
    return moved;
  }

  /** Bytes given out: until the sink is full, the ring is empty, or one packet is done. */
  drain(to: Sink): number | Failure {
    let moved = 0;
    while (to.remaining > 0 && !this.empty) {
      const slot = this._tail % this.slots;
      const packet = this._packet[slot] === 1;
      const n = to.put(this._run(slot, packet, to.remaining));
      if (n <= 0) return moved > 0 ? moved : fail(E.EFAULT);
      moved += n;
      if (packet) {
        // What of a packet was not asked for is lost.
        this._tail++;
        return moved;
      }
      this.discard(n);
    }
    return moved;
  }

  /** Copies what is there, oldest first, without consuming it: at most `limit` bytes (tee). */
  peek(limit: number): Uint8Array {
    const out = new Uint8Array(Math.min(limit, this.size));
    let at = 0;
    for (let n = this._tail; n < this._head && at < out.length; n++) {
      const slot = n % this.slots;
      const from = slot * PAGE + (this._start[slot] ?? 0);
      const length = Math.min(this._length[slot] ?? 0, out.length - at);
      if (this._bytes) out.set(this._bytes.subarray(from, from + length), at);
      at += length;
    }
    return out;
  }

  /** Drops the oldest `count` bytes, which must be there. */
  discard(count: number): void {
    let left = count;
    while (left > 0) {
      const slot = this._tail % this.slots;
      const length = this._length[slot] ?? 0;
      if (left < length) {
        this._start[slot] = (this._start[slot] ?? 0) + left;
        this._length[slot] = length - left;
        return;
      }
      left -= length;
      this._tail++;
    }
  }

  /**
   * Linux puts the odd bytes of a write (its length modulo the page size) into the last page when
   * they fit there whole; that is also what keeps writes up to PIPE_BUF atomic. -1: a fault.
   */
  private _merge(from: Source): number {
    const odd = from.remaining % PAGE;
    if (odd === 0 || this.empty) return 0;
    const slot = (this._head - 1) % this.slots;
    if (this._packet[slot] === 1) return 0;
    const end = (this._start[slot] ?? 0) + (this._length[slot] ?? 0);
    if (end + odd > PAGE) return 0;
    const n = this._copyIn(from, slot * PAGE + end, odd);
    this._length[slot] = (this._length[slot] ?? 0) + n;
    return n === 0 ? -1 : n;
  }

  /** As many whole slots as lie next to each other, by one copy where the source can. */
  private _append(from: Source): number {
    const first = this._head % this.slots;
    const free = Math.min(this.slots - this.used, this.slots - first);
    const n = this._copyIn(from, first * PAGE, Math.min(from.remaining, free * PAGE));
    for (let done = 0; done < n; done += PAGE) this._push(Math.min(PAGE, n - done), 0);
    return n;
  }

  private _appendPacket(from: Source): number {
    const slot = this._head % this.slots;
    const n = this._copyIn(from, slot * PAGE, Math.min(from.remaining, PAGE));
    if (n > 0) this._push(n, 1);
    return n;
  }

  private _push(length: number, packet: 0 | 1): void {
    const slot = this._head++ % this.slots;
    this._start[slot] = 0;
    this._length[slot] = length;
    this._packet[slot] = packet;
  }

  private _copyIn(from: Source, at: number, length: number): number {
    this._bytes ??= new Uint8Array(this.capacity);
    let done = 0;
    while (done < length) {
      const part = from.take(length - done);
      if (part.length === 0) break;
      this._bytes.set(part, at + done);
      done += part.length;
    }
    return done;
  }

  /** The longest run of bytes from `slot` on that is contiguous in memory; one slot for a packet. */
  private _run(slot: number, packet: boolean, limit: number): Uint8Array {
    const from = slot * PAGE + (this._start[slot] ?? 0);
    let end = from + (this._length[slot] ?? 0);
    for (let n = this._tail + 1; !packet && n < this._head && end - from < limit; n++) {
      const next = n % this.slots;
      const follows = end === next * PAGE && this._start[next] === 0 && this._packet[next] === 0;
      if (!follows) break;
      end += this._length[next] ?? 0;
    }
    return (this._bytes ?? EMPTY).subarray(from, Math.min(end, from + limit));
  }
}

const EMPTY = new Uint8Array(0);
