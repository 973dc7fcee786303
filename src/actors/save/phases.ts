/** How far saving or loading is: told to who asked for it, and each phase with its time and size in the log (K39). */
import type { Log } from '../../base/log.js';
import type { SaveProgress } from '../../messages/kernel.js';
import { ProgressWords } from './progress-words.js';

export class Phases {
  readonly #progress: ProgressWords | undefined;
  #phase: string | undefined;
  #began = 0;
  #bytes = 0;

  constructor(
    readonly what: 'save' | 'load',
    readonly log: Log,
    progress: SharedArrayBuffer | undefined,
  ) {
    this.#progress = progress && new ProgressWords(progress);
  }

  /** The phase before is over. `total`: bytes that this one will be done with; 0 where that is not known. */
  begin(phase: SaveProgress['phase'], total: number): void {
    this.end();
    this.#phase = phase;
    this.#began = performance.now();
    this.#bytes = 0;
    this.#progress?.begin(phase, total);
  }

  /** So many bytes of the file were written or read. */
  moved(bytes: number): void {
    this.#bytes += bytes;
  }

  /** So many of what the phase has in all. */
  done(bytes: number): void {
    this.#progress?.advance(bytes);
  }

  end(): void {
    if (this.#phase === undefined) return;
    const ms = Math.round((performance.now() - this.#began) * 1000) / 1000;
    this.log.info({ phase: this.#phase, ms, bytes: this.#bytes }, this.what);
    this.#progress?.end();
    this.#phase = undefined;
  }
}
