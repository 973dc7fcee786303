/** Questions to shards, and who waits for the answers. */
import { E } from '../abi/errno.js';
import type { ShardAnswer, ShardCommand } from '../messages/shard.js';
import type { ActorRef } from './actor-ref.js';

export class ShardAsks {
  readonly #waiting = new Map<number, (answer: ShardAnswer) => void>();
  #nextId = 1;

  constructor(readonly shards: readonly ActorRef<ShardCommand>[]) {}

  ask(shard: number, command: (id: number) => ShardCommand): Promise<ShardAnswer> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.shards[shard]?.tell(command(id));
    });
  }

  askAll(command: (id: number) => ShardCommand): Promise<ShardAnswer[]> {
    return Promise.all(this.shards.map((_, shard) => this.ask(shard, command)));
  }

  /** An answer came; one that nobody waits for any more is passed over. */
  settle(answer: ShardAnswer): void {
    const resolve = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    resolve?.(answer);
  }

  /** No answer will come any more. */
  failAll(message: string): void {
    for (const [id, resolve] of this.#waiting) {
      resolve({ type: 'failed', id, errno: E.ESRCH, obstacle: 'sandbox', message });
    }
    this.#waiting.clear();
  }
}
