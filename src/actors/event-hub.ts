/**
 * Where a shard's events go: to observers on this thread (strace lines, the log), and to the embedder's,
 * each of which has its own filter and its own window. A type that nobody wants is never built (`wants`).
 *
 * The window is how many events may be on their way to one observer. One that is slower than its guests
 * loses events, which are counted and told in their place; or, where it asked for that, the shard holds
 * its guests until it has caught up (`held`).
 *
 * Waking the embedder costs a shard that is busy about 160 µs where it and its guest fill the cores: so events
 * wait for a while as long as guests keep it busy, and for a moment when they do not (decision 0037).
 */
import type { EventSink } from '../kernel/services.js';
import type { CallWatch } from '../kernel/watch/call-watch.js';
import { EventFilter } from '../kernel/watch/event-filter.js';
import type { EventBase, EventType, KernelEvent, ObserverSpec } from '../messages/events.js';
import type { EventBlock } from './event-block.js';
import type { EventOutbox } from './event-outbox.js';

const WINDOW = 1 << 14;
const FINISH_MS = 1_000;
/** How late an event may be while its shard has nothing else to do. */
const PROMPT_NS = 1_000_000;
/**
 * How late while it has. A filter that matches one call in a thousand costs a guest that does nothing else
 * 4 to 6 % with 1 ms, 2 to 3 % with 20 ms and 2 % with a second (bench/observe.mjs): the rest is the events.
 */
const BUSY_NS = 20_000_000;
/** Calls of `settled` between two looks at the clock, a power of two: one comes with every trap. */
const LOOK_EVERY = 64;

export interface EventHubParts {
  readonly shard: number;
  readonly block: EventBlock;
  readonly outbox: EventOutbox;
  readonly calls: CallWatch;
  /** Guest time, for what the hub itself has to say. */
  readonly timeNs: () => number;
  readonly hostNs: () => number;
}

/** Somebody on this thread. */
export interface LocalObserver {
  readonly filter: EventFilter;
  take(event: KernelEvent): void;
}

export class EventHub implements EventSink {
  #wanted: ReadonlySet<EventType> = new Set();
  #local: readonly LocalObserver[] = [];
  #remote: readonly RemoteObserver[] = [];
  #flushedNs = 0;
  #looks = 0;

  constructor(readonly parts: EventHubParts) {}

  addLocal(observer: LocalObserver): void {
    this.#local = [...this.#local, observer];
    this.#update();
  }

  observe(spec: ObserverSpec): void {
    this.#remote = [
      ...this.#remote,
      new RemoteObserver(spec, this.parts.block.consumed(this.parts.shard, spec)),
    ];
    this.#update();
  }

  unobserve(id: number): void {
    this.#remote = this.#remote.filter((o) => o.spec.id !== id);
    this.#update();
  }

  wants(type: EventType): boolean {
    return this.#wanted.has(type);
  }

  emit(event: KernelEvent): void {
    for (const observer of this.#local) if (observer.filter.matches(event)) observer.take(event);
    let to: number | number[] | undefined;
    for (const observer of this.#remote) {
      if (!observer.filter.matches(event) || !this.#admits(observer)) continue;
      const { id } = observer.spec;
      if (to === undefined) to = id;
      else to = typeof to === 'number' ? [to, id] : [...to, id];
    }
    if (to !== undefined) this.parts.outbox.push(to, event);
  }

  /** The shard goes on: what waited for long goes. */
  settled(): void {
    if (this.parts.outbox.isEmpty || ++this.#looks % LOOK_EVERY !== 0) return;
    if (this.parts.hostNs() - this.#flushedNs >= BUSY_NS) this.flush();
  }

  /** The shard is about to sleep: what waited for a moment goes. */
  idle(): void {
    if (this.flushInNs <= 0) this.flush();
  }

  /** Host nanoseconds until `idle` has something to send. */
  get flushInNs(): number {
    if (this.parts.outbox.isEmpty) return Number.POSITIVE_INFINITY;
    return this.#flushedNs + PROMPT_NS - this.parts.hostNs();
  }

  /** Sends what has come together. */
  flush(): void {
    if (!this.parts.outbox.isEmpty) this.#flushedNs = this.parts.hostNs();
    for (const observer of this.#remote) {
      if (observer.dropped > 0 && this.#hasRoom(observer)) this.#tellDropped(observer);
    }
    this.parts.outbox.flush();
  }

  /** Some observer wants nothing lost and has fallen behind: no guest may go on. */
  get held(): boolean {
    for (const o of this.#remote) if (o.spec.mode === 'lossless' && !this.#hasRoom(o)) return true;
    return false;
  }

  awaitProgress(): void {
    this.parts.outbox.awaitProgress();
  }

  /** The shard ends. */
  finish(): void {
    for (const observer of this.#remote) if (observer.dropped > 0) this.#tellDropped(observer);
    this.parts.outbox.finish(FINISH_MS);
  }

  #admits(observer: RemoteObserver): boolean {
    if (observer.spec.mode === 'lossy' && !this.#hasRoom(observer)) {
      observer.dropped++;
      return false;
    }
    if (observer.dropped > 0) this.#tellDropped(observer);
    observer.sent++;
    return true;
  }

  #hasRoom({ sent, spec }: RemoteObserver): boolean {
    return (
      !this.parts.outbox.congested &&
      ((sent - this.parts.block.consumed(this.parts.shard, spec)) | 0) < WINDOW
    );
  }

  #tellDropped(observer: RemoteObserver): void {
    const base: EventBase = { seq: 0, timeNs: this.parts.timeNs(), pid: 0, tid: 0, shard: this.parts.shard };
    this.parts.outbox.push(observer.spec.id, { ...base, type: 'dropped', count: observer.dropped });
    observer.dropped = 0;
    observer.sent++;
  }

  #update(): void {
    const filters = [...this.#local, ...this.#remote].map((o) => o.filter);
    this.#wanted = new Set(filters.flatMap((f) => [...f.types]));
    this.parts.calls.filters = filters;
  }
}

class RemoteObserver {
  readonly filter: EventFilter;
  /** Events that it lost since it was last told. */
  dropped = 0;

  constructor(
    readonly spec: ObserverSpec,
    /** Events sent, modulo 2³², counted from where the slot's count of those dealt with stood. */
    public sent: number,
  ) {
    this.filter = new EventFilter(spec);
  }
}
