/** The one-shot timers of a shard: a binary heap by deadline. Fired by the reactor. */
import type { TimerQueue } from '../kernel/services.js';

interface Timer {
  readonly deadlineNs: number;
  /** Timers of one deadline fire in the order they were set. */
  readonly order: number;
  fire: (() => void) | undefined;
}

export class ShardTimers implements TimerQueue {
  readonly #heap: Timer[] = [];
  #order = 0;

  at(deadlineNs: number, fire: () => void): () => void {
    const timer: Timer = { deadlineNs, order: this.#order++, fire };
    this.#heap.push(timer);
    this.#up(this.#heap.length - 1);
    return () => {
      // It stays in the heap as a husk until its time, or until it is on top.
      timer.fire = undefined;
      this.#dropHusks();
    };
  }

  /** When the next one is due; Infinity without any. */
  get nextNs(): number {
    return this.#heap[0]?.deadlineNs ?? Number.POSITIVE_INFINITY;
  }

  /** Fires all that are due; true when there were any. */
  fireDue(nowNs: number): boolean {
    let any = false;
    for (let top = this.#heap[0]; top && top.deadlineNs <= nowNs; top = this.#heap[0]) {
      this.#pop();
      const { fire } = top;
      top.fire = undefined;
      fire?.();
      any = true;
    }
    return any;
  }

  #dropHusks(): void {
    for (let top = this.#heap[0]; top && !top.fire; top = this.#heap[0]) this.#pop();
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #before(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (!x || !y) return false;
    return x.deadlineNs < y.deadlineNs || (x.deadlineNs === y.deadlineNs && x.order < y.order);
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (!x || !y) return;
    this.#heap[a] = y;
    this.#heap[b] = x;
  }

  #up(from: number): void {
    for (let i = from; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!this.#before(i, parent)) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  #down(from: number): void {
    for (let i = from; ; ) {
      const left = 2 * i + 1;
      const right = left + 1;
      const least = this.#before(right, left) ? right : left;
      if (!this.#before(least, i)) return;
      this.#swap(least, i);
      i = least;
    }
  }
}
