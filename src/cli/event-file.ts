/** What `--events` and `--trace` write: a file, or standard output for `-`. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { UsageError } from './args.js';
import { complain } from './output.js';

const STDOUT = 1;
/** Bytes that come together before they are written. */
const CHUNK = 1 << 16;
const PAUSE_MS = 1;
const pause = new Int32Array(new SharedArrayBuffer(4));

export class EventFile {
  readonly #fd: number;
  #pending = '';
  #broken = false;

  /** Throws UsageError when it cannot be opened. */
  constructor(
    readonly option: string,
    readonly path: string,
  ) {
    try {
      this.#fd = path === '-' ? STDOUT : openSync(path, 'w');
    } catch (e) {
      throw new UsageError(`${option} ${path}: ${(e as Error).message}`);
    }
  }

  /** Nobody reads it any more, or there is no room: there is no use in going on. */
  get broken(): boolean {
    return this.#broken;
  }

  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length >= CHUNK) this.flush();
  }

  flush(): void {
    const bytes = Buffer.from(this.#pending);
    this.#pending = '';
    for (let at = 0; at < bytes.length && !this.#broken; ) {
      try {
        at += writeSync(this.#fd, bytes, at);
      } catch (e) {
        const { code, message } = e as NodeJS.ErrnoException;
        // The guest shares the descriptor and may have made it non-blocking.
        if (code === 'EAGAIN') Atomics.wait(pause, 0, 0, PAUSE_MS);
        else {
          this.#broken = true;
          complain(`${this.option} ${this.path}: ${message}; the rest is not written`);
        }
      }
    }
  }

  close(): void {
    this.flush();
    if (this.#fd !== STDOUT) closeSync(this.#fd);
  }
}
