/**
 * A shard's time: its timekeeper, the timers of guests, which run by it, and the delays of the kernel's
 * own housekeeping, which run by the host's clock and neither stop nor leap with guests' time.
 */
import { COARSE_RESOLUTION_NS } from '../abi/time.js';
import type { Clock } from '../base/clock.js';
import type { Delays, TimerQueue } from '../kernel/services.js';
import { CpuClock } from '../kernel/time/cpu-clock.js';
import { type TimeKind, Timekeeper } from '../kernel/time/timekeeper.js';
import { ShardTimers } from './timers.js';

/** Linux's KTIME_MAX: who sleeps for so long means for ever. */
const NEVER_NS = 2 ** 63;

export interface ShardTimeParts {
  readonly source: Clock;
  readonly kind: TimeKind;
  /** Whether some guest thread may be running. */
  readonly guestsRun: () => boolean;
  /** Counts a tick of the kernel's CPU clock. */
  readonly countTick: (tick: number) => void;
}

export class ShardTime implements TimerQueue, Delays {
  readonly keeper: Timekeeper;
  readonly cpuClock: CpuClock;
  readonly #source: Clock;
  readonly #timers = new ShardTimers();
  readonly #delays = new ShardTimers();

  constructor({ source, kind, guestsRun, countTick }: ShardTimeParts) {
    this.#source = source;
    this.keeper = new Timekeeper(source, kind);
    this.cpuClock = new CpuClock({
      now: () => source.monotonic(),
      delays: this,
      isBusy: guestsRun,
      count: countTick,
    });
  }

  at(deadlineNs: number, fire: () => void): () => void {
    return this.#timers.at(deadlineNs, fire);
  }

  after(ns: number, fire: () => void): () => void {
    return this.#delays.at(this.#source.monotonic() + ns, fire);
  }

  /** Host time, for budgets. */
  hostNs(): number {
    return this.#source.monotonic();
  }

  /** Host nanoseconds until something is due; Infinity when nothing is. */
  dueInNs(): number {
    const timers = this.keeper.isPaused ? Number.POSITIVE_INFINITY : this.#timers.nextNs;
    const next = timers === Number.POSITIVE_INFINITY ? timers : timers - this.keeper.monotonic();
    const delay = this.#delays.nextNs;
    return delay === Number.POSITIVE_INFINITY ? next : Math.min(next, delay - this.#source.monotonic());
  }

  /** Fires what is due; true when there was anything. */
  fireDue(): boolean {
    let any = false;
    if (this.#delays.nextNs !== Number.POSITIVE_INFINITY)
      any = this.#delays.fireDue(this.#source.monotonic());
    if (this.#timers.nextNs !== Number.POSITIVE_INFINITY && !this.keeper.isPaused) {
      if (this.#timers.fireDue(this.keeper.monotonic())) any = true;
    }
    return any;
  }

  /** In virtual time, when every guest waits: leaps to the next timer; false when there is none. */
  skip(): boolean {
    const { keeper } = this;
    const next = this.#timers.nextNs;
    if (keeper.kind !== 'virtual' || keeper.isPaused || next >= NEVER_NS) return false;
    keeper.skipTo(next);
    return true;
  }

  /** Guests' time stands still, and what is counted in it. Idempotent. */
  pause(): void {
    this.cpuClock.stop();
    this.keeper.pause();
  }

  /** Without a pause it does nothing. */
  resume(lostNs: number): void {
    const { keeper } = this;
    if (!keeper.isPaused) return;
    keeper.resume(lostNs);
    this.#catchUp();
    this.cpuClock.start();
  }

  #catchUp(): void {
    if (this.keeper.isPaused) return;
    if (this.keeper.isBehind) this.after(COARSE_RESOLUTION_NS, () => this.#catchUp());
    else this.keeper.caughtUp();
  }
}
