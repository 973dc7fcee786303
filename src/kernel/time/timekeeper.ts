/**
 * The kernel's time: what all clocks of guests but those of CPU time are read from. Compare gVisor's
 * pkg/sentry/kernel/timekeeper.go.
 *
 * Monotonic time is zero when the sandbox begins, stands still while time is paused, and goes on from
 * there; the wall clock is then at the present again, as after a suspend. Boot time is monotonic time.
 * Virtual time is the host's too, less the time in which nobody does anything: `skipTo` leaps over it,
 * on both clocks. So what computes takes as long as it takes, and no loop that looks at the clock, or
 * waits for a timer while it computes, goes on for ever.
 *
 * Owner: one shard. All shards of a kernel count from the same instant and are paused and resumed by
 * the same amounts, so that they agree.
 */
import type { Ns } from '../../base/brand.js';
import { type Clock, later, NS_PER_SEC, type Timespec } from '../../base/clock.js';

export type TimeKind = 'real' | 'virtual';

/** What guests that read the clock without a system call must know. */
export interface TimeShift {
  /** Monotonic time less the source's; undefined while time stands still. */
  readonly monotonicNs: number | undefined;
  /** The wall clock less the source's. */
  readonly realtimeNs: number;
}

export class Timekeeper implements Clock {
  /** Monotonic time is so much ahead of the source: skipped, less paused, and what was restored. */
  private _monotonicShiftNs: number;
  private _skippedNs = 0;
  /** The source's time at which time was paused. */
  private _pausedAtNs: Ns | undefined;
  /** Told whenever the shift changes. */
  onShift: (shift: TimeShift) => void = () => {};

  constructor(
    readonly source: Clock,
    readonly kind: TimeKind = 'real',
    /** Monotonic time to begin with: that of the kernel whose state is loaded. */
    startNs = 0,
  ) {
    this._monotonicShiftNs = startNs;
  }

  monotonic(): Ns {
    return ((this._pausedAtNs ?? this.source.monotonic()) + this._monotonicShiftNs) as Ns;
  }

  realtime(): Timespec {
    const time = this.source.realtime();
    return this._skippedNs === 0 ? time : later(time, this._skippedNs);
  }

  coarse(which: 'monotonic' | 'realtime'): Timespec {
    if (which === 'realtime') return later(this.source.coarse('realtime'), this._skippedNs);
    if (this._pausedAtNs === undefined) return later(this.source.coarse('monotonic'), this._monotonicShiftNs);
    const now = this.monotonic();
    return { sec: Math.floor(now / NS_PER_SEC), nsec: now % NS_PER_SEC };
  }

  /** The wall clock in nanoseconds since the epoch. */
  nowNanoseconds(): bigint {
    const { sec, nsec } = this.realtime();
    return BigInt(sec) * BigInt(NS_PER_SEC) + BigInt(nsec);
  }

  get isPaused(): boolean {
    return this._pausedAtNs !== undefined;
  }

  get shift(): TimeShift {
    return {
      monotonicNs: this.isPaused ? undefined : this._monotonicShiftNs,
      realtimeNs: this._skippedNs,
    };
  }

  /** Stops monotonic time; the source's time at which it stopped. Idempotent. */
  pause(): Ns {
    if (this._pausedAtNs === undefined) {
      // Whoever reads by the shift stops first: nobody may have seen a later time than the one that stands.
      this.onShift({ monotonicNs: undefined, realtimeNs: this._skippedNs });
      this._pausedAtNs = this.source.monotonic();
    }
    return this._pausedAtNs;
  }

  /**
   * Goes on; without a pause it does nothing. `lostNs` is how long the pause was. Shards are told the same,
   * counted from when the last of them stopped, so that no shard's time goes back.
   */
  resume(lostNs: number): void {
    if (this._pausedAtNs === undefined) return;
    this._pausedAtNs = undefined;
    this._monotonicShiftNs -= lostNs;
    this.onShift(this.shift);
  }

  /** It is this time now: where the kernel was whose state is loaded. */
  set(monotonicNs: number): void {
    this._monotonicShiftNs += monotonicNs - this.monotonic();
    this.onShift(this.shift);
  }

  /** Leaps over time in which nobody does anything. */
  skipTo(monotonicNs: number): void {
    const aheadNs = monotonicNs - this.monotonic();
    if (aheadNs <= 0 || this.isPaused) return;
    this._monotonicShiftNs += aheadNs;
    this._skippedNs += aheadNs;
    this.onShift(this.shift);
  }
}
