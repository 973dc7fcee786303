/**
 * Events of a shard on their way to the embedder: batches in a ring of shared memory, and a message only
 * when the embedder sleeps. What finds no room in the ring waits here; the hub admits no more then than
 * it must (event-hub.ts).
 */
import type { KernelEvent } from '../messages/events.js';
import type { EventBlock } from './event-block.js';
import { type EventBatch, encodeBatch } from './event-codec.js';
import { MailboxSender } from './mailbox.js';
import type { Ring } from './ring.js';

/** Enough to share the cost of a batch, few enough to be prompt. */
const BATCH_EVENTS = 128;
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
  #batch: EventBatch = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
    const { block, shard, wake } = options;
    const wakeReader = (): void => {
      if (block.wakeReader(shard)) wake();
    };
    this.#sender = new MailboxSender(options.ring, wakeReader, encodeBatch);
  }

  push(observers: number | readonly number[], event: KernelEvent): void {
    this.#batch.push(observers, event);
    if (this.#batch.length >= 2 * BATCH_EVENTS) this.flush();
  }

  get isEmpty(): boolean {
    return this.#batch.length === 0;
  }

  /** There is more than the ring holds. */
  get congested(): boolean {
    return this.#sender.backlog;
  }

  flush(): void {
    if (this.#sender.backlog) this.#sender.pump();
    if (this.#batch.length === 0 || this.#sender.backlog) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#sender.send(batch);
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
