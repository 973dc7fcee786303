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
  #bytes: Uint8Array | undefined;
  #start: Uint16Array;
  #length: Uint16Array;
  #packet: Uint8Array;
  /** Slot numbers that only grow; modulo `slots` they index the arrays. `#tail` is the oldest in use. */
  #head = 0;
  #tail = 0;

  constructor(public slots: number) {
    this.#start = new Uint16Array(slots);
    this.#length = new Uint16Array(slots);
    this.#packet = new Uint8Array(slots);
  }

  get capacity(): number {
    return this.slots * PAGE;
  }
  get used(): number {
    return this.#head - this.#tail;
  }
  get empty(): boolean {
    return this.#head === this.#tail;
  }
  get full(): boolean {
    return this.used >= this.slots;
  }

  /** Bytes that can be read: FIONREAD. */
  get size(): number {
    let total = 0;
    for (let n = this.#tail; n < this.#head; n++) total += this.#length[n % this.slots] ?? 0;
    return total;
  }

  /** Moves what is there to a ring of another size; EBUSY when it does not fit. */
  resize(slots: number): Failure | undefined {
    if (this.used > slots) return fail(E.EBUSY);
    const next = new PageRing(slots);
    const bytes = this.#bytes;
    if (bytes) {
      next.#bytes = new Uint8Array(next.capacity);
      for (let n = this.#tail; n < this.#head; n++) {
        const from = n % this.slots;
        const to = next.#head++;
        next.#bytes.set(bytes.subarray(from * PAGE, (from + 1) * PAGE), to * PAGE);
        next.#start[to] = this.#start[from] ?? 0;
        next.#length[to] = this.#length[from] ?? 0;
        next.#packet[to] = this.#packet[from] ?? 0;
      }
      this.#bytes = next.#bytes;
    }
    this.#start = next.#start;
    this.#length = next.#length;
    this.#packet = next.#packet;
    this.#head = next.#head;
    this.#tail = 0;
    this.slots = slots;
    return undefined;
  }

  /** Bytes taken in, as far as there is room; 0 when full. EFAULT when the source gave nothing. */
  fill(from: Source, framing: Framing): number | Failure {
    let moved = 0;
    if (framing === 'stream') {
      moved = this.#merge(from);
      if (moved < 0) return fail(E.EFAULT);
    }
    while (from.remaining > 0 && !this.full) {
      const n = framing === 'stream' ? this.#append(from) : this.#appendPacket(from);
      moved += n;
      if (n === 0) return moved > 0 ? moved : fail(E.EFAULT);
    }
    return moved;
  }

  /** Bytes given out: until the sink is full, the ring is empty, or one packet is done. */
  drain(to: Sink): number | Failure {
    let moved = 0;
    while (to.remaining > 0 && !this.empty) {
      const slot = this.#tail % this.slots;
      const packet = this.#packet[slot] === 1;
      const n = to.put(this.#run(slot, packet, to.remaining));
      if (n <= 0) return moved > 0 ? moved : fail(E.EFAULT);
      moved += n;
      if (packet) {
        // What of a packet was not asked for is lost.
        this.#tail++;
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
    for (let n = this.#tail; n < this.#head && at < out.length; n++) {
      const slot = n % this.slots;
      const from = slot * PAGE + (this.#start[slot] ?? 0);
      const length = Math.min(this.#length[slot] ?? 0, out.length - at);
      if (this.#bytes) out.set(this.#bytes.subarray(from, from + length), at);
      at += length;
    }
    return out;
  }

  /** Drops the oldest `count` bytes, which must be there. */
  discard(count: number): void {
    let left = count;
    while (left > 0) {
      const slot = this.#tail % this.slots;
      const length = this.#length[slot] ?? 0;
      if (left < length) {
        this.#start[slot] = (this.#start[slot] ?? 0) + left;
        this.#length[slot] = length - left;
        return;
      }
      left -= length;
      this.#tail++;
    }
  }

  /**
   * Linux puts the odd bytes of a write (its length modulo the page size) into the last page when
   * they fit there whole; that is also what keeps writes up to PIPE_BUF atomic. -1: a fault.
   */
  #merge(from: Source): number {
    const odd = from.remaining % PAGE;
    if (odd === 0 || this.empty) return 0;
    const slot = (this.#head - 1) % this.slots;
    if (this.#packet[slot] === 1) return 0;
    const end = (this.#start[slot] ?? 0) + (this.#length[slot] ?? 0);
    if (end + odd > PAGE) return 0;
    const n = this.#copyIn(from, slot * PAGE + end, odd);
    this.#length[slot] = (this.#length[slot] ?? 0) + n;
    return n === 0 ? -1 : n;
  }

  /** As many whole slots as lie next to each other, by one copy where the source can. */
  #append(from: Source): number {
    const first = this.#head % this.slots;
    const free = Math.min(this.slots - this.used, this.slots - first);
    const n = this.#copyIn(from, first * PAGE, Math.min(from.remaining, free * PAGE));
    for (let done = 0; done < n; done += PAGE) this.#push(Math.min(PAGE, n - done), 0);
    return n;
  }

  #appendPacket(from: Source): number {
    const slot = this.#head % this.slots;
    const n = this.#copyIn(from, slot * PAGE, Math.min(from.remaining, PAGE));
    if (n > 0) this.#push(n, 1);
    return n;
  }

  #push(length: number, packet: 0 | 1): void {
    const slot = this.#head++ % this.slots;
    this.#start[slot] = 0;
    this.#length[slot] = length;
    this.#packet[slot] = packet;
  }

  #copyIn(from: Source, at: number, length: number): number {
    this.#bytes ??= new Uint8Array(this.capacity);
    let done = 0;
    while (done < length) {
      const part = from.take(length - done);
      if (part.length === 0) break;
      this.#bytes.set(part, at + done);
      done += part.length;
    }
    return done;
  }

  /** The longest run of bytes from `slot` on that is contiguous in memory; one slot for a packet. */
  #run(slot: number, packet: boolean, limit: number): Uint8Array {
    const from = slot * PAGE + (this.#start[slot] ?? 0);
    let end = from + (this.#length[slot] ?? 0);
    for (let n = this.#tail + 1; !packet && n < this.#head && end - from < limit; n++) {
      const next = n % this.slots;
      const follows = end === next * PAGE && this.#start[next] === 0 && this.#packet[next] === 0;
      if (!follows) break;
      end += this.#length[next] ?? 0;
    }
    return (this.#bytes ?? EMPTY).subarray(from, Math.min(end, from + limit));
  }
}

const EMPTY = new Uint8Array(0);
