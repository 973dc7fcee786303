/**
 * A byte ring in shared memory: one writer thread, one reader thread, in order, bounded. Carries
 * serialized messages (mailbox.ts) from one actor's thread to another's.
 *
 *     word 0   HEAD   bytes read so far, modulo 2³²; written by the reader
 *     word 1   TAIL   bytes written so far, modulo 2³²; written by the writer
 *     data     capacity bytes, a power of two
 */
import { assert } from '../base/assert.js';

const HEADER = 8;
const HEAD = 0;
const TAIL = 1;

export class Ring {
  readonly #words: Int32Array;
  readonly #data: Uint8Array;
  readonly #mask: number;

  constructor(readonly buffer: SharedArrayBuffer) {
    const capacity = buffer.byteLength - HEADER;
    assert(capacity > 0 && (capacity & (capacity - 1)) === 0, 'a ring holds a power of two bytes');
    this.#words = new Int32Array(buffer, 0, 2);
    this.#data = new Uint8Array(buffer, HEADER);
    this.#mask = capacity - 1;
  }

  static create(capacity: number): Ring {
    return new Ring(new SharedArrayBuffer(HEADER + capacity));
  }

  get capacity(): number {
    return this.#mask + 1;
  }

  get readable(): number {
    return (Atomics.load(this.#words, TAIL) - Atomics.load(this.#words, HEAD)) >>> 0;
  }

  /** Writes as much as there is room for; returns how much. */
  write(bytes: Uint8Array): number {
    const n = Math.min(bytes.length, this.capacity - this.readable);
    if (n === 0) return 0;
    const tail = Atomics.load(this.#words, TAIL);
    const at = tail & this.#mask;
    const first = Math.min(n, this.capacity - at);
    this.#data.set(bytes.subarray(0, first), at);
    this.#data.set(bytes.subarray(first, n), 0);
    Atomics.store(this.#words, TAIL, (tail + n) | 0);
    Atomics.notify(this.#words, TAIL);
    return n;
  }

  /** Reader: stands until there is something to read, at most so long. */
  waitForBytes(timeoutMs: number): void {
    const tail = Atomics.load(this.#words, TAIL);
    if (tail === Atomics.load(this.#words, HEAD)) Atomics.wait(this.#words, TAIL, tail, timeoutMs);
  }

  /** Takes up to `max` bytes. */
  read(max: number): Uint8Array {
    const n = Math.min(max, this.readable);
    const out = new Uint8Array(n);
    const head = Atomics.load(this.#words, HEAD);
    const at = head & this.#mask;
    const first = Math.min(n, this.capacity - at);
    out.set(this.#data.subarray(at, at + first));
    out.set(this.#data.subarray(0, n - first), first);
    Atomics.store(this.#words, HEAD, (head + n) | 0);
    return out;
  }
}
