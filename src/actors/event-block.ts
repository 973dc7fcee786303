/**
 * Words by which shards and the embedder's thread agree on events, in one SharedArrayBuffer. For each
 * shard:
 *
 *     word 0          ASLEEP     1: the embedder waits for a message before it looks at the ring. Set by it,
 *                                taken back by the shard, which then owes it that message
 *     word 1          PROGRESS   changes when the embedder has dealt with events; a shard that holds its
 *                                guests back waits on it
 *     word 2 + slot   CONSUMED   how many events of an observer's the embedder has dealt with, modulo 2³²;
 *                                written by the embedder alone
 */
import type { ObserverSpec } from '../messages/events.js';

/** Observers at one time. */
export const OBSERVER_SLOTS = 62;
const ASLEEP = 0;
const PROGRESS = 1;
const CONSUMED = 2;
const WORDS_PER_SHARD = CONSUMED + OBSERVER_SLOTS;

export class EventBlock {
  readonly #words: Int32Array;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  static create(shards: number): EventBlock {
    return new EventBlock(new SharedArrayBuffer(4 * WORDS_PER_SHARD * shards));
  }

  /** The embedder's: from now on it wants to be told. */
  fallAsleep(shard: number): void {
    Atomics.store(this.#words, shard * WORDS_PER_SHARD + ASLEEP, 1);
  }

  /** The shard's: true when it owes the embedder a message. */
  wakeReader(shard: number): boolean {
    return Atomics.exchange(this.#words, shard * WORDS_PER_SHARD + ASLEEP, 0) === 1;
  }

  consumed(shard: number, { slot }: Pick<ObserverSpec, 'slot'>): number {
    return Atomics.load(this.#words, shard * WORDS_PER_SHARD + CONSUMED + slot);
  }

  addConsumed(shard: number, { slot }: Pick<ObserverSpec, 'slot'>): void {
    Atomics.add(this.#words, shard * WORDS_PER_SHARD + CONSUMED + slot, 1);
  }

  /** The embedder has made room. */
  tellProgress(shard: number): void {
    const word = shard * WORDS_PER_SHARD + PROGRESS;
    Atomics.add(this.#words, word, 1);
    Atomics.notify(this.#words, word);
  }

  progress(shard: number): number {
    return Atomics.load(this.#words, shard * WORDS_PER_SHARD + PROGRESS);
  }

  /** Waits until there has been progress since `seen`, for a moment at most. */
  awaitProgress(shard: number, seen: number, timeoutMs: number): void {
    Atomics.wait(this.#words, shard * WORDS_PER_SHARD + PROGRESS, seen, timeoutMs);
  }
}
