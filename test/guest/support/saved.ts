/** Kernels that are saved in the middle of something, and what comes of them elsewhere. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Process } from 'troupe';

const HERE = import.meta.dirname ?? join(process.cwd(), 'test/guest/support');
const LOADER = join(HERE, 'load-kernel.mjs');

export interface Ended {
  readonly output: string;
  readonly code: number | null;
}

/** Loads it in another process and lets it run to its end. */
export function goOnElsewhere(file: string, input = ''): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [LOADER, file], { timeout: 60_000, killSignal: 'SIGKILL' });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('latin1')));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      if (errors) process.stderr.write(errors.slice(0, 2000));
      resolve({ output, code });
    });
    child.stdin.end(input);
  });
}

/** What a process writes, as it comes. */
export class Output {
  text = '';

  constructor(readonly process: Process) {
    process.stdout?.on('data', (chunk: Buffer) => (this.text += chunk.toString('latin1')));
  }

  /** Resolves when it has written this. */
  async until(text: string): Promise<void> {
    while (!this.text.includes(text))
      await new Promise((resolve) => this.process.stdout?.once('data', resolve));
  }

  /** All of it, once nobody can write any more. */
  async all(): Promise<string> {
    const { stdout } = this.process;
    if (stdout && !stdout.closed) await new Promise((resolve) => stdout.once('close', resolve));
    return this.text;
  }
}

/** Numbers from 0 to 1, the same for each seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
