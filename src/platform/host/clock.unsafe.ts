/**
 * The host's clocks, counted from the instant a kernel began. Reading them costs about 40 ns:
 * performance.now() plus an offset taken once; coarse clocks are asked for by a host call.
 *
 * The offset must be exact to a fraction of a microsecond: guests read the host's own clock beside ours
 * (systrap/vdso-code.ts), and would see time go back. performance.now() counts the host's CLOCK_MONOTONIC
 * from an instant that nobody tells, so it is bracketed.
 */
import type { Ns } from '../../base/brand.js';
import { type Clock, later, NS_PER_SEC, type Timespec } from '../../base/clock.js';
import { clockGettime } from './libc.unsafe.js';
import { check } from './memory.unsafe.js';
import { scratch } from './scratch.unsafe.js';

const CLOCK_REALTIME = 0;
const CLOCK_REALTIME_COARSE = 5;
const CLOCK_MONOTONIC_COARSE = 6;
const NS_PER_MS = 1e6;
const BRACKETS = 16;
/** The wall clock may be set while we run: every so often it is looked at again. */
const RESYNC_NS = 250_000_000;

/** CLOCK_MONOTONIC of the host, now. */
export function hostMonotonic(): Timespec {
  const [sec, nsec] = process.hrtime();
  return { sec, nsec };
}

export class HostClock implements Clock {
  /** performance.now() in nanoseconds when the kernel began. */
  readonly #originNs: number;
  /** The wall clock when the kernel began, by how it is set now. */
  #wallOrigin: Timespec = { sec: 0, nsec: 0 };
  #nextSyncNs = Number.NEGATIVE_INFINITY;

  constructor(
    /** CLOCK_MONOTONIC of the host when the kernel began. */
    readonly began: Timespec,
  ) {
    let least = Number.NEGATIVE_INFINITY;
    let most = Number.POSITIVE_INFINITY;
    for (let i = 0; i < BRACKETS; i++) {
      const before = performance.now() * NS_PER_MS;
      const since = sinceNs(hostMonotonic(), began);
      const after = performance.now() * NS_PER_MS;
      least = Math.max(least, before - since);
      most = Math.min(most, after - since);
    }
    this.#originNs = (least + most) / 2;
  }

  monotonic(): Ns {
    return Math.floor(performance.now() * NS_PER_MS - this.#originNs) as Ns;
  }

  realtime(): Timespec {
    const now = this.monotonic();
    if (now >= this.#nextSyncNs) this.#sync(now);
    return later(this.#wallOrigin, now);
  }

  coarse(which: 'monotonic' | 'realtime'): Timespec {
    if (which === 'realtime') return ask(CLOCK_REALTIME_COARSE);
    return later({ sec: 0, nsec: 0 }, sinceNs(ask(CLOCK_MONOTONIC_COARSE), this.began));
  }

  /** The wall clock runs as the monotonic one does, until somebody sets it. */
  #sync(now: number): void {
    this.#nextSyncNs = now + RESYNC_NS;
    const { wall, before, after } = this.#lookAtWall();
    const known = this.#wallOrigin;
    const wasSet = sinceNs(wall, later(known, before)) < 0 || sinceNs(wall, later(known, after + 1)) > 0;
    if (wasSet) this.#wallOrigin = this.#findWallOrigin(wall);
  }

  /** Bracketed as the monotonic clock's: a thread that is not scheduled between two looks learns little by one. */
  #findWallOrigin(near: Timespec): Timespec {
    let least = Number.NEGATIVE_INFINITY;
    let most = Number.POSITIVE_INFINITY;
    for (let i = 0; i < BRACKETS; i++) {
      const { wall, before, after } = this.#lookAtWall();
      const since = sinceNs(wall, near);
      least = Math.max(least, since - after - 1);
      most = Math.min(most, since - before);
    }
    return later(near, Math.floor((least + most) / 2));
  }

  #lookAtWall(): { wall: Timespec; before: number; after: number } {
    const before = this.monotonic();
    const wall = ask(CLOCK_REALTIME);
    return { wall, before, after: this.monotonic() };
  }
}

function sinceNs(time: Timespec, origin: Timespec): number {
  return (time.sec - origin.sec) * NS_PER_SEC + (time.nsec - origin.nsec);
}

function ask(clock: number): Timespec {
  const s = scratch();
  check('clock_gettime', clockGettime(clock, s.address));
  return {
    sec: s.view.getUint32(0, true) + s.view.getInt32(4, true) * 2 ** 32,
    nsec: s.view.getUint32(8, true),
  };
}
