/**
 * The kernel's CPU clock: it counts the ticks in which some guest ran. Compare gVisor's runCPUClockTicker
 * (pkg/sentry/kernel/task_sched.go).
 *
 * One count a tick, however late the tick is looked at and however many were missed. Nothing ticks while
 * no guest runs: an idle kernel sleeps. CPU time of tasks is the host's own accounting, which is exact.
 */
import type { Delays } from '../services.js';

/** CLOCK_TICK of Linux with USER_HZ=100. */
export const CLOCK_TICK_NS = 10_000_000;

export interface CpuClockParts {
  /** Host time: ticks are not guests' time, which may leap. */
  readonly now: () => number;
  readonly delays: Delays;
  /** Whether some guest runs. */
  readonly isBusy: () => boolean;
  /** Counts the tick with this number, unless somebody has: shards of a kernel share one count. */
  readonly count: (tick: number) => void;
}

export class CpuClock {
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(readonly parts: CpuClockParts) {}

  /** Some guest may run: from here on ticks are counted. */
  wake(): void {
    if (this.#cancel || this.#stopped || !this.parts.isBusy()) return;
    this.#arm();
  }

  /** Counts no more until `start`. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  start(): void {
    this.#stopped = false;
    this.wake();
  }

  #arm(): void {
    const { now, delays } = this.parts;
    this.#cancel = delays.after(CLOCK_TICK_NS - (now() % CLOCK_TICK_NS), () => {
      this.#cancel = undefined;
      this.parts.count(Math.floor(now() / CLOCK_TICK_NS));
      this.wake();
    });
  }
}
