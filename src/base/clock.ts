/**
 * Where time comes from. Nothing above reads the host's clock by itself, so that tests, virtual
 * time and replay can hand in another one.
 */
import type { Ns } from './brand.js';

/** A point in time as clock_gettime(2) gives it; realtime nanoseconds do not fit a double. */
export interface Timespec {
  sec: number;
  nsec: number;
}

export interface Clock {
  /** Nanoseconds since some fixed point; never goes back. */
  monotonic(): Ns;
  /** Wall-clock time since the epoch. */
  realtime(): Timespec;
}

export const NS_PER_SEC = 1_000_000_000;
