/** The host's clocks. Reading them costs about 40 ns: performance.now() plus an offset taken once. */
import type { Ns } from '../../base/brand.js';
import type { Clock, Timespec } from '../../base/clock.js';

const NS_PER_MS = 1e6;
/** The wall clock may be set while we run: every so often it is looked at again. */
const RESYNC_MS = 250;
/** Date.now() counts whole milliseconds: only a larger difference means that the clock was set. */
const TOLERANCE_MS = 2;

export class HostClock implements Clock {
  /** CLOCK_MONOTONIC of the host when performance.now() was 0. */
  readonly #monotonicOriginNs: number;
  #wallOriginMs = performance.timeOrigin;
  #nextSyncMs = 0;

  constructor() {
    const before = performance.now();
    const now = process.hrtime();
    const at = (before + performance.now()) / 2;
    this.#monotonicOriginNs = now[0] * 1e9 + now[1] - at * NS_PER_MS;
  }

  monotonic(): Ns {
    return Math.floor(this.#monotonicOriginNs + performance.now() * NS_PER_MS) as Ns;
  }

  realtime(): Timespec {
    const sinceMs = performance.now();
    if (sinceMs >= this.#nextSyncMs) this.#sync(sinceMs);
    const ms = this.#wallOriginMs + sinceMs;
    const sec = Math.floor(ms / 1000);
    return { sec, nsec: Math.min(999_999_999, Math.floor((ms - sec * 1000) * NS_PER_MS)) };
  }

  #sync(sinceMs: number): void {
    this.#nextSyncMs = sinceMs + RESYNC_MS;
    const off = Date.now() - (this.#wallOriginMs + sinceMs);
    if (off > TOLERANCE_MS || off < -TOLERANCE_MS) this.#wallOriginMs += off;
  }
}
