/**
 * Events of a shard on their way to the embedder: batches in a ring of shared memory, and a message only
 * when the embedder sleeps and it is time that it knew (`flush`). What finds no room in the ring waits here;
 * the hub admits no more then than it must (event-hub.ts).
 */
import type { KernelEvent } from '../messages/events.js';
import type { EventBlock } from './event-block.js';
import { type EventBatch, encodeBatch } from './event-codec.js';
import { MailboxSender } from './mailbox.js';
import type { Ring } from './ring.js';

/** Enough to share the cost of a batch, few enough to be dead before V8 looks for what lives. */
const BATCH_EVENTS = 128;
/** A reader that has so many events to catch up with is woken: a quarter of its window. */
const WAKE_EVENTS = 4_096;
const WAIT_MS = 2;

export interface OutboxOptions {
  readonly shard: number;
  readonly ring: Ring;
  readonly block: EventBlock;
  /** Sends the embedder a message: there is something in the ring. */
  readonly wake: () => void;
}

export class EventOutbox {
  readonly #sender: MailboxSender<EventBatch>;
  readonly #options: OutboxOptions;
  readonly #wake: () => void;
  #batch: EventBatch = [];
  /** Events in the ring since the reader was last woken. */
  #silent = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    const { block, shard, wake } = options;
    this.#wake = (): void => {
      this.#silent = 0;
      if (options.ring.readable > 0 && block.wakeReader(shard)) wake();
    };
    this.#sender = new MailboxSender(options.ring, this.#wake, encodeBatch);
  }

  push(observers: number | readonly number[], event: KernelEvent): void {
    this.#batch.push(observers, event);
    if (this.#batch.length < 2 * BATCH_EVENTS) return;
    this.#put();
    const { ring } = this.#options;
    if (this.#silent >= WAKE_EVENTS || ring.readable >= ring.capacity / 4) this.#wake();
  }

  /** The reader knows of all there is. */
  get isEmpty(): boolean {
    return this.#batch.length === 0 && this.#silent === 0 && !this.congested;
  }

  /** There is more than the ring holds. */
  get congested(): boolean {
    return this.#sender.backlog;
  }

  /** All that there is, and the reader is told. */
  flush(): void {
    this.#put();
    if (this.#silent > 0) this.#wake();
  }

  /** Into the ring. */
  #put(): void {
    this.#sender.pump();
    if (this.#batch.length === 0 || this.congested) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#silent += batch.length / 2;
    this.#sender.put(batch);
    if (this.congested) this.#wake();
  }

  /** Waits for the embedder to deal with some of it, for a moment at most. */
  awaitProgress(): void {
    const { block, shard } = this.#options;
    const seen = block.progress(shard);
    this.flush();
    if (this.congested || this.#batch.length === 0) block.awaitProgress(shard, seen, WAIT_MS);
  }

  /** The shard ends: the embedder gets what is left, unless it deals with nothing for so long. */
  finish(patienceMs: number): void {
    const { block, shard } = this.#options;
    for (let waited = 0; waited < patienceMs; waited += WAIT_MS) {
      const seen = block.progress(shard);
      this.flush();
      if (!this.congested && this.#batch.length === 0) break;
      block.awaitProgress(shard, seen, WAIT_MS);
      if (block.progress(shard) !== seen) waited = 0;
    }
    this.#sender.close();
  }
}
