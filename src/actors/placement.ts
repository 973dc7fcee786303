/**
 * Which shard a new process goes to. A policy object; the pool's load balancer is where its word acts.
 */
export interface Placement {
  /** A shard for a new process from outside. */
  choose(): number;
  /** A process is on this shard that was not chosen for it: its kernel was loaded. */
  joined(shard: number): void;
  /** A process on this shard has ended. */
  left(shard: number): void;
}

/** To the shard with the fewest processes, the first of them. */
export class LeastBusy implements Placement {
  readonly #processes: number[];

  constructor(shards: number) {
    this.#processes = new Array<number>(shards).fill(0);
  }

  choose(): number {
    const shard = this.#processes.indexOf(Math.min(...this.#processes));
    this.#processes[shard] = (this.#processes[shard] ?? 0) + 1;
    return shard;
  }

  joined(shard: number): void {
    this.#processes[shard] = (this.#processes[shard] ?? 0) + 1;
  }

  left(shard: number): void {
    this.#processes[shard] = Math.max(0, (this.#processes[shard] ?? 0) - 1);
  }
}
