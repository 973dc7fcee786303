/** Saves in the middle of the storm: most are thrown away, some are kept to be loaded elsewhere at the end. */
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect } from '@jest/globals';
import type { Kernel } from 'troupe';

const LOADER = join(import.meta.dirname ?? join(process.cwd(), 'test/stress/support'), 'load-storm.mjs');

export interface SavedScene {
  readonly storm: number | undefined;
  readonly tally: number | undefined;
  /** Signals that the tally had been sent. */
  readonly sent: number;
}

interface Kept extends SavedScene {
  readonly file: string;
  readonly seed: number;
}

export class Saves {
  readonly #kept: Kept[] = [];
  #count = 0;
  /** Those that came to their end. */
  done = 0;

  constructor(
    readonly folder: string,
    /** So many are kept; a file is 20 MB. */
    readonly most: number,
  ) {}

  /** Into a file that is removed, or a stream that nobody reads. */
  async discard(kernel: Kernel, to: 'file' | 'stream'): Promise<void> {
    if (to === 'stream') {
      await kernel.saveTo(new Writable({ write: (_chunk, _encoding, done) => done() }));
    } else {
      const file = this.#newFile();
      await kernel.saveTo(file).finally(() => rm(file, { force: true }));
    }
    this.done++;
  }

  /** Into a file for `goOn`; the latest ones are kept. */
  async keep(kernel: Kernel, scene: SavedScene, seed: number): Promise<void> {
    const file = this.#newFile();
    await kernel.saveTo(file);
    this.done++;
    this.#kept.push({ ...scene, file, seed });
    const oldest = this.#kept.length > this.most ? this.#kept.shift() : undefined;
    if (oldest) await rm(oldest.file);
  }

  /** The guests of each go on in another process as if nothing had been; how many there were. */
  async goOn(): Promise<number> {
    for (const kept of this.#kept) {
      try {
        await goOnFrom(kept);
      } catch (e) {
        throw new Error(`TROUPE_SEED=${kept.seed}: loaded elsewhere`, { cause: e });
      }
    }
    return this.#kept.length;
  }

  #newFile(): string {
    return join(this.folder, `kernel-${this.#count++}`);
  }
}

async function goOnFrom({ file, storm, tally, sent }: Kept): Promise<void> {
  const args = [LOADER, file, String(storm), String(tally)];
  const child = spawn(process.execPath, args, { timeout: 60_000, killSignal: 'SIGKILL' });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const status = await new Promise((resolve) => child.on('close', resolve));
  expect({ status, errors }).toEqual({ status: 0, errors: '' });
  const { tasks, values, exitCode } = JSON.parse(output);
  expect(tasks).toBeGreaterThanOrEqual(200);
  expect(exitCode).toBe(0);
  // What it had not told of when it was saved: in order, none lost, none twice, up to the last one sent.
  const first = values[0] ?? sent + 1;
  expect(values).toEqual(Array.from({ length: sent + 1 - first }, (_, i) => first + i));
}
