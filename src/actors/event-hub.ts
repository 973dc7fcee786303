/**
 * Where a shard's events go: to the embedder's stream, and as strace lines to stderr. A type that
 * nobody asked for is never built (`wants`).
 */
import type { EventSink } from '../kernel/services.js';
import type { EventType, KernelEvent } from '../messages/events.js';

export class EventHub implements EventSink {
  #wanted = new Set<EventType>();
  #batch: KernelEvent[] = [];

  constructor(
    /** Prints strace lines; absent: nobody wants them. */
    readonly printLine: ((line: string) => void) | undefined,
    readonly deliver: (events: readonly KernelEvent[]) => void,
  ) {}

  observe(types: readonly EventType[]): void {
    this.#wanted = new Set(types);
  }

  wants(type: EventType): boolean {
    return this.#wanted.has(type) || (type === 'syscall' && this.printLine !== undefined);
  }

  emit(event: KernelEvent): void {
    if (event.type === 'syscall') this.printLine?.(event.line);
    if (this.#wanted.has(event.type)) this.#batch.push(event);
  }

  /** Sends what has come together; called when the shard has a moment. */
  flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.deliver(batch);
  }
}
