/**
 * Wait queues, and the one way to block. Models gVisor's pkg/waiter and Linux's wait queues.
 *
 * Every blocking call is a non-blocking `try…` that may answer WOULD_BLOCK, and a queue that is
 * notified when trying again may help. Order matters: register, try, sleep; never try, then register.
 */
import type { Blocking, Resumed, Wait, Wake } from './outcome.js';

/** Readiness bits are those of poll(2). */
export const IN = 0x1;
export const PRI = 0x2;
export const OUT = 0x4;
export const ERR = 0x8;
export const HUP = 0x10;
export const NVAL = 0x20;
export const RDNORM = 0x40;
export const RDBAND = 0x80;
export const WRNORM = 0x100;
export const WRBAND = 0x200;
export const MSG = 0x400;
export const RDHUP = 0x2000;

type Waiter = { readonly mask: number; readonly wake: (events: number) => void };

export class WaitQueue {
  /** Whoever listens begins anew. */
  static readonly unsaved = ['_waiters'];
  private _waiters: Set<Waiter> | undefined;

  /** Calls `wake` at each notification that shares a bit with `mask`; the result stops that. */
  listen(mask: number, wake: (events: number) => void): () => void {
    this._waiters ??= new Set();
    const waiter = { mask, wake };
    this._waiters.add(waiter);
    return () => {
      this._waiters?.delete(waiter);
    };
  }

  notify(events: number): void {
    if (!this._waiters || this._waiters.size === 0) return;
    // A copy: a waiter that wakes may stop listening, and may listen anew, while we walk.
    for (const w of [...this._waiters]) if (w.mask & events) w.wake(events);
  }

  get empty(): boolean {
    return !this._waiters || this._waiters.size === 0;
  }
}

/** Something that can be waited for: it has a queue (files, pipes, sockets, children…). */
export interface Waitable {
  listen(mask: number, wake: (events: number) => void): () => void;
}

export const WOULD_BLOCK = Symbol('would block');

export interface BlockOptions {
  /** Monotonic instant, nanoseconds. */
  readonly deadlineNs?: number;
  readonly interruptible?: boolean;
  /** See Wait. */
  readonly resume?: Wait['resume'];
}

/**
 * Repeats `attempt` until it does not answer WOULD_BLOCK. The queue is listened to before each
 * attempt, so a notification between attempt and sleep is not lost.
 */
export function* block<T>(
  on: Waitable,
  mask: number,
  attempt: () => T | typeof WOULD_BLOCK,
  options: BlockOptions = {},
): Blocking<T | 'timedOut' | 'interrupted'> {
  for (;;) {
    let notified = false;
    let wake: (() => void) | undefined;
    const stop = on.listen(mask, () => {
      notified = true;
      wake?.();
    });
    try {
      const r = attempt();
      if (r !== WOULD_BLOCK) return r;
      const how: Wake = yield {
        deadlineNs: options.deadlineNs ?? Number.POSITIVE_INFINITY,
        interruptible: options.interruptible ?? true,
        resume: options.resume,
        arm(w) {
          wake = w;
          if (notified) w();
          return () => {
            wake = undefined;
          };
        },
      };
      if (how !== 'ready') return how;
    } finally {
      stop();
    }
  }
}

/** Waits for a time, or until a signal. */
export function sleepUntil(deadlineNs: number, interruptible = true): Wait {
  return { deadlineNs, interruptible, arm: () => () => {} };
}

/**
 * The instant at which a call gives up: `fresh`, unless it was begun before and starts anew. To be asked
 * once, before it waits.
 */
export function resumedDeadline(call: { readonly resumed: Resumed | undefined }, fresh: number): number {
  return call.resumed?.deadlineNs ?? fresh;
}
