/**
 * Words that all threads of a kernel share, in one SharedArrayBuffer. Each is documented here: who
 * writes it, who reads it.
 *
 *     word 0                     SHUTDOWN   main sets it to 1; shards end their reactor
 *     word 1 + 2 * shard         BELL_FD    the shard's eventfd + 1; written once by the shard, 0 again by main
 *     word 2 + 2 * shard         PORT_MAIL  count of messages posted to the shard's ports; written by
 *                                           senders before they ring, read by the reactor
 */
import { closeSync, writeSync } from 'node:fs';

const SHUTDOWN = 0;
const BELL_FD = 1;
const PORT_MAIL = 2;
const WORDS_PER_SHARD = 2;
const one = new Uint8Array(new BigUint64Array([1n]).buffer);

export class ControlBlock {
  readonly #words: Int32Array;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  static create(shards: number): ControlBlock {
    return new ControlBlock(new SharedArrayBuffer(4 * (1 + WORDS_PER_SHARD * shards)));
  }

  setBell(shard: number, fd: number): void {
    Atomics.store(this.#words, BELL_FD + WORDS_PER_SHARD * shard, fd + 1);
  }

  /** Wakes a shard that sleeps. One that has no bell yet has not slept yet. */
  ring(shard: number): void {
    const fd = Atomics.load(this.#words, BELL_FD + WORDS_PER_SHARD * shard) - 1;
    if (fd >= 0) writeSync(fd, one);
  }

  /** When every shard has ended, and not before: a number that is closed may be somebody else's next. */
  closeBells(shards: number): void {
    for (let i = 0; i < shards; i++) {
      const fd = Atomics.exchange(this.#words, BELL_FD + WORDS_PER_SHARD * i, 0) - 1;
      if (fd >= 0) closeSync(fd);
    }
  }

  /** A message was posted to one of the shard's ports: it must pass through its event loop. */
  ringForPort(shard: number): void {
    Atomics.add(this.#words, PORT_MAIL + WORDS_PER_SHARD * shard, 1);
    this.ring(shard);
  }

  portMail(shard: number): number {
    return Atomics.load(this.#words, PORT_MAIL + WORDS_PER_SHARD * shard);
  }

  shutDown(shards: number): void {
    Atomics.store(this.#words, SHUTDOWN, 1);
    for (let i = 0; i < shards; i++) this.ring(i);
  }

  get isShutDown(): boolean {
    return Atomics.load(this.#words, SHUTDOWN) === 1;
  }
}
