/**
 * Futex wait queues, futex(2); kernel/futex/core.c.
 *
 * A futex is a word of memory: for private ones an address in one MemoryManager, for shared ones an
 * offset in whatever the mapping shows, so that every process that maps it finds the same queue. Only
 * words somebody waits for have a queue.
 *
 * No wake-up is lost: a wait adds its waiter and reads the word in one go, without another system call
 * in between, and guests wake only by system calls, which come to the same shard one after another.
 * So a guest that changes the word and then wakes either changed it before the read, which then sees
 * it, or its wake-up comes when the waiter is in the queue.
 */
import type { MemoryManager } from '../mm/memory-manager.js';

export interface FutexKey {
  readonly space: object;
  readonly at: number;
}

export const ALL_BITS = 0xffff_ffff;

export class FutexWaiter {
  woken = false;
  /** Set while its task sleeps. */
  wake: (() => void) | undefined;

  constructor(
    public key: FutexKey,
    readonly bits: number,
  ) {}
}

export class FutexTable {
  /** Told of wake-ups that waiters on other shards may be meant by. A waiter may wake for nothing: futex(2). */
  elsewhere: ((space: object, at: number, count: number, bits: number) => void) | undefined;
  private readonly _spaces = new WeakMap<object, Map<number, FutexWaiter[]>>();

  /** Where the word at `addr` is queued. */
  keyOf(mm: MemoryManager, addr: number, sharing: 'private' | 'shared'): FutexKey {
    const shared = sharing === 'shared' ? mm.sharedAt(addr) : undefined;
    return shared ? { space: shared.object, at: shared.offset } : { space: mm, at: addr };
  }

  add(waiter: FutexWaiter): void {
    const { space, at } = waiter.key;
    let words = this._spaces.get(space);
    if (!words) {
      words = new Map();
      this._spaces.set(space, words);
    }
    const queue = words.get(at);
    if (queue) queue.push(waiter);
    else words.set(at, [waiter]);
  }

  /** Who waits there now, first come first. */
  waitersAt(key: FutexKey): readonly FutexWaiter[] {
    return [...(this._queue(key) ?? [])];
  }

  /** Takes a waiter out of wherever it is now (it may have been requeued). */
  remove(waiter: FutexWaiter): void {
    const queue = this._queue(waiter.key);
    const index = queue?.indexOf(waiter) ?? -1;
    if (!queue || index < 0) return;
    queue.splice(index, 1);
    this._drop(waiter.key, queue);
  }

  /** Wakes up to `count` waiters that share a bit with `bits`, first come first served. */
  wake(key: FutexKey, count: number, bits: number = ALL_BITS): number {
    const woken = this.wakeHere(key, count, bits);
    if (woken < count) this.elsewhere?.(key.space, key.at, count - woken, bits);
    return woken;
  }

  /** Those of this shard alone. */
  wakeHere(key: FutexKey, count: number, bits: number): number {
    const queue = this._queue(key);
    if (!queue) return 0;
    let woken = 0;
    for (let i = 0; i < queue.length && woken < count; ) {
      const waiter = queue[i] as FutexWaiter;
      if ((waiter.bits & bits) === 0) {
        i++;
        continue;
      }
      queue.splice(i, 1);
      waiter.woken = true;
      waiter.wake?.();
      woken++;
    }
    this._drop(key, queue);
    return woken;
  }

  /** Wakes `wake` of them and moves up to `move` others to another word's queue. */
  requeue(
    from: FutexKey,
    to: FutexKey,
    counts: { wake: number; move: number },
  ): { woken: number; moved: number } {
    const woken = this.wake(from, counts.wake);
    const queue = this._queue(from);
    if (!queue) return { woken, moved: 0 };
    const same = from.space === to.space && from.at === to.at;
    const moving = same ? [] : queue.splice(0, counts.move);
    this._drop(from, queue);
    for (const waiter of moving) {
      waiter.key = to;
      this.add(waiter);
    }
    return { woken, moved: same ? Math.min(queue.length, counts.move) : moving.length };
  }

  private _queue(key: FutexKey): FutexWaiter[] | undefined {
    return this._spaces.get(key.space)?.get(key.at);
  }

  private _drop(key: FutexKey, queue: FutexWaiter[]): void {
    if (queue.length === 0) this._spaces.get(key.space)?.delete(key.at);
  }
}
