/**
 * Which shard runs a program: asked when a process executes one (kernel/home).
 *
 *   pack       all at home: no system call crosses shards
 *   spread     each on the next shard: for tests, and where processes hardly share anything
 *   adaptive   at home until the home has more to do than it can; then where there is least to do
 */
import { assertNever } from '../base/assert.js';
import type { PlacementPolicy } from '../base/placement.js';
import type { ProgramPlacement } from '../kernel/home/home-desk.js';
import { HOST_SHARD } from './host-shard.js';

export function newPlacement(policy: PlacementPolicy, shards: number, load: Load): ProgramPlacement {
  switch (policy) {
    case 'pack':
      return { choose: () => HOST_SHARD };
    case 'spread':
      return new Spread(shards);
    case 'adaptive':
      return new Adaptive(shards, load);
    default:
      return assertNever(policy, 'placement');
  }
}

class Spread implements ProgramPlacement {
  #next = 0;

  constructor(readonly shards: number) {}

  choose(): number {
    this.#next = (this.#next + 1) % this.shards;
    return this.#next;
  }
}

/** How busy shards are. */
export interface Load {
  nowNs(): number;
  /** Microseconds for which the shard had something to do, modulo 2³². */
  busyUs(shard: number): number;
}

/** Load is looked at over so long. */
const WINDOW_NS = 20_000_000;
/** A home that has something to do for more than this part of the time makes others wait. */
const BUSY = 0.7;

/** By the part of the last window for which each shard had something to do. */
export class Adaptive implements ProgramPlacement {
  readonly #before: number[];
  readonly #share: number[];
  #since: number;

  constructor(
    readonly shards: number,
    readonly load: Load,
  ) {
    this.#before = Array.from({ length: shards }, (_, shard) => load.busyUs(shard));
    this.#share = new Array<number>(shards).fill(0);
    this.#since = load.nowNs();
  }

  choose(): number {
    this.#look();
    const home = this.#share[HOST_SHARD] ?? 0;
    if (home < BUSY) return HOST_SHARD;
    const least = this.#share.indexOf(Math.min(...this.#share));
    // Until the next look nobody knows what the new one does: the ones after it go elsewhere.
    this.#share[least] = (this.#share[least] ?? 0) + 1 / this.shards;
    return least;
  }

  #look(): void {
    const now = this.load.nowNs();
    const passed = now - this.#since;
    if (passed < WINDOW_NS) return;
    this.#since = now;
    for (let shard = 0; shard < this.shards; shard++) {
      const busy = this.load.busyUs(shard);
      const microseconds = (busy - (this.#before[shard] ?? 0)) >>> 0;
      this.#before[shard] = busy;
      this.#share[shard] = (microseconds * 1000) / passed;
    }
  }
}
