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
  private _cancel: (() => void) | undefined;
  private _stopped = false;

  constructor(readonly parts: CpuClockParts) {}

  /** Some guest may run: from here on ticks are counted. */
  wake(): void {
    if (this._cancel || this._stopped || !this.parts.isBusy()) return;
    this._arm();
  }

  /** Counts no more until `start`. Idempotent. */
  stop(): void {
    this._stopped = true;
    this._cancel?.();
    this._cancel = undefined;
  }

  start(): void {
    this._stopped = false;
    this.wake();
  }

  private _arm(): void {
    const { now, delays } = this.parts;
    this._cancel = delays.after(CLOCK_TICK_NS - (now() % CLOCK_TICK_NS), () => {
      this._cancel = undefined;
      this.parts.count(Math.floor(now() / CLOCK_TICK_NS));
      this.wake();
    });
  }
}
