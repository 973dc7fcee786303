/**
 * Events as they arrive on the embedder's thread: the rings of all shards are emptied when one of them
 * sends a message, and each event goes to the observers it is for.
 */
import type { MessagePort } from 'node:worker_threads';
import type { KernelEvent, ObserverSpec } from '../messages/events.js';
import type { EventBlock } from './event-block.js';
import { OBSERVER_SLOTS } from './event-block.js';
import { decodeBatch, type EventBatch } from './event-codec.js';
import { MailboxReceiver } from './mailbox.js';
import { Ring } from './ring.js';

/** Takes an event; whoever does calls `dealtWith` for it, now or later. */
export type Deliver = (event: KernelEvent) => void;

export class EventInbox {
  readonly #block: EventBlock;
  readonly #rings: readonly Ring[];
  readonly #receivers: readonly MailboxReceiver<EventBatch>[];
  readonly #observers = new Map<number, Deliver>();
  readonly #freeSlots = Array.from({ length: OBSERVER_SLOTS }, (_, i) => OBSERVER_SLOTS - 1 - i);
  #nextId = 0;

  constructor(block: EventBlock, rings: readonly SharedArrayBuffer[], ports: readonly MessagePort[]) {
    this.#block = block;
    this.#rings = rings.map((buffer) => new Ring(buffer));
    this.#receivers = this.#rings.map((ring) => new MailboxReceiver(ring, decodeBatch));
    ports.forEach((port, shard) => {
      block.fallAsleep(shard);
      port.on('message', () => this.#drain(shard));
    });
  }

  /** The observer's numbers; undefined when there are too many. */
  add(deliver: Deliver): Pick<ObserverSpec, 'id' | 'slot'> | undefined {
    const slot = this.#freeSlots.pop();
    if (slot === undefined) return undefined;
    const id = this.#nextId++;
    this.#observers.set(id, deliver);
    return { id, slot };
  }

  /** Events still on their way to it are for nobody. */
  remove({ id, slot }: Pick<ObserverSpec, 'id' | 'slot'>): void {
    if (this.#observers.delete(id)) this.#freeSlots.push(slot);
  }

  dealtWith(event: KernelEvent, observer: Pick<ObserverSpec, 'slot'>): void {
    this.#block.addConsumed(event.shard, observer);
  }

  /** There is room again: for who takes events at his leisure. */
  tellProgress({ shard }: KernelEvent): void {
    this.#block.tellProgress(shard);
  }

  /** The shards have ended: everything that they left. */
  drainAll(): void {
    this.#receivers.forEach((_receiver, shard) => {
      this.#take(shard);
    });
  }

  /** Once what is there; more comes in another turn, so that the embedder's own work does too. */
  #drain(shard: number): void {
    this.#take(shard);
    this.#block.fallAsleep(shard);
    // What came before the shard saw that is not announced by a message.
    if (this.#rings[shard]?.readable !== 0 && this.#block.wakeReader(shard)) {
      setImmediate(() => this.#drain(shard));
    }
  }

  #take(shard: number): void {
    this.#receivers[shard]?.drain((batch) => this.#deliver(batch));
    this.#block.tellProgress(shard);
  }

  #deliver(batch: EventBatch): void {
    for (let i = 0; i < batch.length; i += 2) {
      const observers = batch[i] as number | readonly number[];
      const event = batch[i + 1] as KernelEvent;
      if (typeof observers === 'number') {
        this.#observers.get(observers)?.(event);
      } else {
        // Each numbers its events: each has its own.
        for (const id of observers) this.#observers.get(id)?.({ ...event });
      }
    }
  }
}
