/**
 * The pauses that hold, and those that are still on their way. A pause is over for its caller when
 * every task has come to rest; when the last pause is ended before that, it fails.
 */
import { E } from '../abi/errno.js';
import { type OperationResult, ok, refused } from '../messages/kernel.js';
import type { ShardAnswer } from '../messages/shard.js';

export class Pauses {
  #depth = 0;
  #complete = false;
  readonly #onTheirWay = new Set<() => void>();

  get depth(): number {
    return this.#depth;
  }

  /** Every task is at rest, and stays so: one that is on its way beside one that holds changes nothing. */
  get complete(): boolean {
    return this.#complete;
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
    // The last pause may have been ended since the answers came.
    const wasUndone = !this.#onTheirWay.delete(undo);
    if (answers === 'undone' || wasUndone) {
      return refused('PauseEnded', E.EINTR, 'the pause was ended before every task had stopped');
    }
    const failed = answers.find((a) => a.type === 'failed');
    if (!failed) this.#complete = true;
    return failed ? refused('Closed', E.ESRCH, failed.message) : ok(undefined);
  }

  /** One less; false without one. */
  end(): boolean {
    if (this.#depth === 0) return false;
    this.#depth--;
    if (this.#depth > 0) return true;
    this.#complete = false;
    for (const undo of this.#onTheirWay) undo();
    this.#onTheirWay.clear();
    return true;
  }
}
