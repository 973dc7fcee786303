/**
 * How far saving or loading is, in memory that the embedder shares: the shard does nothing else meanwhile
 * and could send no message that would be read in time.
 *
 * Words: 0 the phase's place in PHASES, and one (0: not begun); 1 bytes done; 2 bytes in all, 0 where that is not
 * known. Writer: the shard. Reader: the embedder, whenever it likes; words of two moments do no harm.
 */
import type { SaveProgress } from '../../messages/kernel.js';

const PHASES: readonly SaveProgress['phase'][] = ['files', 'state', 'memory'];
const [PHASE, DONE, TOTAL, WORDS] = [0, 1, 2, 3] as const;

export function newProgress(): SharedArrayBuffer {
  return new SharedArrayBuffer(WORDS * BigInt64Array.BYTES_PER_ELEMENT);
}

export class ProgressWords {
  readonly #words: BigInt64Array;

  constructor(shared: SharedArrayBuffer) {
    this.#words = new BigInt64Array(shared);
  }

  begin(phase: SaveProgress['phase'], total: number): void {
    Atomics.store(this.#words, DONE, 0n);
    Atomics.store(this.#words, TOTAL, BigInt(total));
    Atomics.store(this.#words, PHASE, BigInt(PHASES.indexOf(phase) + 1));
  }

  advance(bytes: number): void {
    Atomics.add(this.#words, DONE, BigInt(bytes));
  }

  /** What was expected is done, whether or not it came to that. */
  end(): void {
    const done = Atomics.load(this.#words, DONE);
    const total = Atomics.load(this.#words, TOTAL);
    if (total > 0n) Atomics.store(this.#words, DONE, total);
    else Atomics.store(this.#words, TOTAL, done);
  }

  read(): SaveProgress | undefined {
    const phase = PHASES[Number(Atomics.load(this.#words, PHASE)) - 1];
    if (!phase) return undefined;
    const [done, total] = [DONE, TOTAL].map((word) => Number(Atomics.load(this.#words, word)));
    return { phase, done: done ?? 0, total: total ?? 0 };
  }
}
