/**
 * The Kernel actor's hold on guests' time: pauseTime and resumeTime of gVisor's pkg/sentry/kernel/kernel.go,
 * and the clocks as an embedder reads them.
 *
 * Every shard stops its own time and says when; on resume all lose the same, counted from the last of
 * these instants, so that shards agree afterwards and on none of them time has gone back.
 */
import type { Timekeeper } from '../kernel/time/timekeeper.js';
import type { ShardCommand, ShardNews } from '../messages/shard.js';

type Paused = Extract<ShardNews, { type: 'timePaused' }>;

export interface KernelTimeParts {
  /** That of the shard on the actor's thread. */
  readonly keeper: () => Timekeeper;
  /** Ticks that the shards have counted. */
  readonly cpuClock: () => number;
}

/** How the actor speaks to its shards. */
export interface TimeShards {
  /** Asks every shard; those that broke meanwhile are left out. */
  askAll(command: (id: number) => ShardCommand): Promise<readonly Paused[]>;
  tellAll(command: ShardCommand): void;
}

/** What keeps time still: the embedder's pauseTime, paused tasks, a save. */
export type TimeHold = 'asked' | 'paused' | 'saving';

export class KernelTime {
  #pausedAtNs: Promise<number> | undefined;
  readonly #holds = new Set<TimeHold>();

  constructor(
    readonly parts: KernelTimeParts,
    readonly shards: TimeShards,
  ) {}

  /** Resolves when time stands still on every shard. Idempotent for each hold. */
  async pause(hold: TimeHold): Promise<void> {
    this.#holds.add(hold);
    this.#pausedAtNs ??= this.shards
      .askAll((id) => ({ type: 'pauseTime', id }))
      .then((answers) => Math.max(...answers.map((a) => a.atNs)));
    await this.#pausedAtNs;
  }

  /** Time goes on when nothing holds it any more. Without a pause it does nothing. */
  async resume(hold: TimeHold): Promise<void> {
    if (!this.#holds.delete(hold) || this.#holds.size > 0) return;
    const paused = this.#pausedAtNs;
    if (!paused) return;
    this.#pausedAtNs = undefined;
    const lostNs = this.parts.keeper().source.monotonic() - (await paused);
    this.shards.tellAll({ type: 'resumeTime', lostNs });
  }

  realtime(): bigint {
    return this.parts.keeper().nowNanoseconds();
  }

  monotonic(): bigint {
    return BigInt(this.parts.keeper().monotonic());
  }

  cpuClock(): number {
    return this.parts.cpuClock();
  }
}
