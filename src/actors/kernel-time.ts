/**
 * The Kernel actor's hold on guests' time: pauseTime and resumeTime of gVisor's pkg/sentry/kernel/kernel.go,
 * and the clocks as an embedder reads them.
 *
 * Time stands still while anybody wants it to. Shards stop theirs when they hear of it, one after the other;
 * all lose the same by it, so that they agree afterwards. One that had stopped later waits until the others
 * have caught up (Timekeeper.resume).
 */
import type { Timekeeper } from '../kernel/time/timekeeper.js';
import type { ShardCommand } from '../messages/shard.js';

export interface KernelClocks {
  /** That of the shard on the actor's thread. */
  readonly keeper: () => Timekeeper;
  /** Ticks that the shards have counted. */
  readonly cpuClock: () => number;
}

/** What keeps time still: the embedder's pauseTime, paused tasks, a save. Each counts once. */
export type TimeHold = 'asked' | 'paused' | 'saving';

export class KernelTime {
  readonly #holds = new Set<TimeHold>();
  #pausedAtNs = 0;

  constructor(
    readonly clocks: KernelClocks,
    readonly tellAll: (command: ShardCommand) => void,
  ) {}

  /** Idempotent. */
  pause(hold: TimeHold): void {
    if (this.#holds.size === 0) {
      this.#pausedAtNs = this.#hostNs();
      this.tellAll({ type: 'pauseTime' });
    }
    this.#holds.add(hold);
  }

  /** Without this hold it does nothing. */
  resume(hold: TimeHold): void {
    if (!this.#holds.delete(hold) || this.#holds.size > 0) return;
    this.tellAll({ type: 'resumeTime', lostNs: this.#hostNs() - this.#pausedAtNs });
  }

  realtime(): bigint {
    return this.clocks.keeper().nowNanoseconds();
  }

  monotonic(): bigint {
    return BigInt(this.clocks.keeper().monotonic());
  }

  cpuClock(): number {
    return this.clocks.cpuClock();
  }

  #hostNs(): number {
    return this.clocks.keeper().source.monotonic();
  }
}
