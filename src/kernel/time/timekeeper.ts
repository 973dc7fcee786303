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
import { assert } from '../../base/assert.js';
import type { Ns } from '../../base/brand.js';
import { type Clock, later, NS_PER_SEC, type Timespec } from '../../base/clock.js';

export type TimeKind = 'real' | 'virtual';

export class Timekeeper implements Clock {
  /** Monotonic time is so much ahead of the source: skipped, less paused, and what it continues. */
  private _shiftNs = 0;
  private _skippedNs = 0;
  /** The source's time at which time was paused. */
  private _pausedAtNs: Ns | undefined;
  /** What was shown while time stood still: it goes on from here, never before. */
  private _leastNs = 0;
  /** Told whenever `shiftNs` changes: who reads the source's clock without asking us. */
  onShift: (shiftNs: number | undefined) => void = () => {};

  constructor(
    readonly source: Clock,
    readonly kind: TimeKind = 'real',
  ) {}

  monotonic(): Ns {
    const now = (this._pausedAtNs ?? this.source.monotonic()) + this._shiftNs;
    return Math.max(now, this._leastNs) as Ns;
  }

  realtime(): Timespec {
    const time = this.source.realtime();
    return this._skippedNs === 0 ? time : later(time, this._skippedNs);
  }

  coarse(which: 'monotonic' | 'realtime'): Timespec {
    if (which === 'realtime') return later(this.source.coarse('realtime'), this._skippedNs);
    const now = this.isPaused ? 0 : this._coarseNs();
    return later({ sec: 0, nsec: 0 }, Math.max(now, this._leastNs));
  }

  /** The wall clock in nanoseconds since the epoch. */
  nowNanoseconds(): bigint {
    const { sec, nsec } = this.realtime();
    return BigInt(sec) * BigInt(NS_PER_SEC) + BigInt(nsec);
  }

  get isPaused(): boolean {
    return this._pausedAtNs !== undefined;
  }

  /** Monotonic time less the source's; undefined while time stands still, or has not caught up. */
  get shiftNs(): number | undefined {
    return this.isPaused || this.isBehind ? undefined : this._shiftNs;
  }

  /** Some clock would show less than during the last pause: all show that for as long. */
  get isBehind(): boolean {
    return this._leastNs > 0 && this._coarseNs() < this._leastNs;
  }

  private _coarseNs(): number {
    const { sec, nsec } = this.source.coarse('monotonic');
    return sec * NS_PER_SEC + nsec + this._shiftNs;
  }

  /** Stops monotonic time. Idempotent. */
  pause(): void {
    if (this.isPaused) return;
    // Whoever reads by the shift stops first: nobody may have seen a later time than the one that stands.
    this.onShift(undefined);
    this._pausedAtNs = this.source.monotonic();
    this._leastNs = this.monotonic();
  }

  /**
   * Goes on; without a pause it does nothing. All shards are told the same loss, counted from before any of
   * them stopped: afterwards they agree, but those that stopped late are behind what they showed for a moment,
   * as coarse clocks are. `caughtUp` is to be called when they no longer are.
   */
  resume(lostNs: number): void {
    if (!this.isPaused) return;
    this._pausedAtNs = undefined;
    this._shiftNs -= lostNs;
    this.onShift(this.shiftNs);
  }

  caughtUp(): void {
    this.onShift(this.shiftNs);
  }

  /** While time is paused: monotonic time is what it was in the kernel whose state is loaded. */
  continueAt(monotonicNs: number): void {
    assert(this._pausedAtNs !== undefined, 'time is set only while it stands still');
    this._shiftNs = monotonicNs - this._pausedAtNs;
    this._leastNs = monotonicNs;
  }

  /** Leaps over time in which nobody does anything. */
  skipTo(monotonicNs: number): void {
    const aheadNs = monotonicNs - this.monotonic();
    if (aheadNs <= 0 || this.isPaused) return;
    this._shiftNs += aheadNs;
    this._skippedNs += aheadNs;
    this.onShift(this.shiftNs);
  }
}
