/**
 * The pauses that hold, and those that are still on their way. A pause is over for its caller when
 * every task has come to rest; when the last pause is ended before that, it fails.
 */
import { E } from '../abi/errno.js';
import { type OperationResult, ok, refused } from '../messages/kernel.js';
import type { ShardAnswer } from '../messages/shard.js';

export class Pauses {
  #depth = 0;
  readonly #onTheirWay = new Set<() => void>();

  get depth(): number {
    return this.#depth;
  }

  /** Every task is at rest, and stays so. */
  get complete(): boolean {
    return this.#depth > 0 && this.#onTheirWay.size === 0;
  }

  /** One more; `rest` are the answers of the shards. */
  async begin(rest: Promise<readonly ShardAnswer[]>): Promise<OperationResult<void>> {
    this.#depth++;
    let undo = (): void => {};
    const undone = new Promise<'undone'>((resolve) => {
      undo = () => resolve('undone');
    });
    this.#onTheirWay.add(undo);
    const answers = await Promise.race([rest, undone]);
    this.#onTheirWay.delete(undo);
    if (answers === 'undone') {
      return refused('PauseEnded', E.EINTR, 'the pause was ended before every task had stopped');
    }
    const failed = answers.find((a) => a.type === 'failed');
    return failed ? refused('Closed', E.ESRCH, failed.message) : ok(undefined);
  }

  /** One less; false without one. */
  end(): boolean {
    if (this.#depth === 0) return false;
    this.#depth--;
    if (this.#depth === 0) for (const undo of this.#onTheirWay) undo();
    return true;
  }
}
