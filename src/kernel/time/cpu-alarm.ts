/**
 * A one-shot timer of a clock that counts CPU time: kernel/time/posix-cpu-timers.c.
 *
 * Nobody tells us when a guest thread has used so much time, so the clock is looked at: first when it
 * could be due at the earliest (all cores busy), then again; rarely while the clock stands still.
 */
import type { KernelServices } from '../services.js';

/** No oftener than this: the tick of a kernel with HZ=250. */
const SHORTEST_NS = 4_000_000;
const LONGEST_IDLE_NS = 50_000_000;

export class CpuAlarm {
  private _cancel: (() => void) | undefined;

  constructor(
    readonly kernel: KernelServices,
    /** Nanoseconds that the clock shows; undefined: what it counts is gone. */
    readonly read: () => number | undefined,
  ) {}

  /** Calls `fire` when the clock shows `deadlineNs` or more, instead of what was set before. */
  set(deadlineNs: number, fire: () => void): void {
    this.cancel();
    this._look(deadlineNs, fire, { seen: -1, idleNs: SHORTEST_NS });
  }

  cancel(): void {
    this._cancel?.();
    this._cancel = undefined;
  }

  private _look(deadlineNs: number, fire: () => void, before: { seen: number; idleNs: number }): void {
    this._cancel = undefined;
    const now = this.read();
    if (now === undefined) return;
    const { delays, machine } = this.kernel;
    const wait = (ns: number, idleNs: number): void => {
      this._cancel = delays.after(ns, () => this._look(deadlineNs, fire, { seen: now, idleNs }));
    };
    const left = deadlineNs - now;
    if (left <= 0 && before.seen >= 0) fire();
    else if (now === before.seen) {
      const idleNs = Math.min(before.idleNs * 2, LONGEST_IDLE_NS);
      wait(Math.max(idleNs, left / machine.cores), idleNs);
    } else wait(left <= 0 ? 0 : Math.max(left / machine.cores, SHORTEST_NS), SHORTEST_NS);
  }
}
