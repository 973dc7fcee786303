/** How far saving or loading is: each phase with its time and size in the log (K39). */
import type { Log } from '../../base/log.js';

export class Phases {
  #phase: string | undefined;
  #began = 0;
  #bytes = 0;

  constructor(
    readonly what: 'save' | 'load',
    readonly log: Log,
  ) {}

  /** The phase before is over. */
  begin(phase: string): void {
    this.end();
    this.#phase = phase;
    this.#began = performance.now();
    this.#bytes = 0;
  }

  /** So many bytes of the file. */
  advance(bytes: number): void {
    this.#bytes += bytes;
  }

  end(): void {
    if (this.#phase === undefined) return;
    const ms = Math.round((performance.now() - this.#began) * 1000) / 1000;
    this.log.info({ phase: this.#phase, ms, bytes: this.#bytes }, this.what);
    this.#phase = undefined;
  }
}
