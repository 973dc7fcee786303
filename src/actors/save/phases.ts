/**
 * How far saving or loading is: told to who asked for it, and each phase with its time and size in the log (K39);
 * that of the state with what it is made of (K23).
 */
import { type Log, writesDebug } from '../../base/log.js';
import type { Node } from '../../kernel/save/graph.js';
import type { SaveProgress } from '../../messages/kernel.js';
import { ProgressWords } from './progress-words.js';
import { statisticsOf } from './statistics.js';

export class Phases {
  readonly #progress: ProgressWords | undefined;
  #phase: string | undefined;
  #began = 0;
  #bytes = 0;
  #objects: number | undefined;

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
    this.#objects = undefined;
    this.#progress?.begin(phase, total);
  }

  /** So many bytes of the file were written or read. */
  moved(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The phase moves these objects. */
  counted(nodes: readonly Node[]): void {
    this.#objects = nodes.length;
    if (writesDebug(this.log)) this.log.debug({ objects: statisticsOf(nodes) }, `${this.what}: state`);
  }

  /** So many of what the phase has in all. */
  done(bytes: number): void {
    this.#progress?.advance(bytes);
  }

  end(): void {
    if (this.#phase === undefined) return;
    const ms = Math.round((performance.now() - this.#began) * 1000) / 1000;
    const objects = this.#objects === undefined ? {} : { objects: this.#objects };
    this.log.info({ phase: this.#phase, ms, bytes: this.#bytes, ...objects }, this.what);
    this.#progress?.end();
    this.#phase = undefined;
  }
}
