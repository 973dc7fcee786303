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
  /** Nanoseconds since the sandbox began; never goes back. */
  monotonic(): Ns;
  /** Wall-clock time since the epoch. */
  realtime(): Timespec;
  /** Either as it was at the last timer tick: cheaper for who asks by the VDSO. */
  coarse(which: 'monotonic' | 'realtime'): Timespec;
}

export const NS_PER_SEC = 1_000_000_000;

/** `time` later by a span, which may be negative. */
export function later(time: Timespec, spanNs: number): Timespec {
  const nsec = time.nsec + spanNs;
  const carry = Math.floor(nsec / NS_PER_SEC);
  return { sec: time.sec + carry, nsec: nsec - carry * NS_PER_SEC };
}

/** As one number: since the epoch it does not fit a double. */
export function inNs(time: Timespec): bigint {
  return BigInt(time.sec) * BigInt(NS_PER_SEC) + BigInt(time.nsec);
}
