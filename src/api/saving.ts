/**
 * Files and streams that `saveTo` is given. The operation is asked for before anything is waited for: calls take their
 * turns in the order in which they were made, this one too.
 */
import { accessSync, constants, createReadStream, mkdtempSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { crypto } from '../actors/lazy-builtins.js';
import { newProgress, ProgressWords } from '../actors/save/progress-words.js';
import type { SaveProgress } from '../messages/kernel.js';

/** Has `write` make the file, whole or not at all; or a file that is then given to the stream. */
export function writeSaved(to: string | Writable, write: (path: string) => Promise<void>): Promise<void> {
  return typeof to === 'string' ? toFile(resolve(to), write) : toStream(to, write);
}

async function toFile(path: string, write: (path: string) => Promise<void>): Promise<void> {
  // Said of the directory that the caller knows, not of a name of ours in it.
  accessSync(dirname(path), constants.W_OK | constants.X_OK);
  const name = crypto().randomBytes(6).toString('hex');
  const unfinished = join(dirname(path), `.${name}.troupe-save`);
  try {
    await write(unfinished);
    await rename(unfinished, path);
  } catch (e) {
    await rm(unfinished, { force: true });
    throw e;
  }
}

async function toStream(to: Writable, write: (path: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'troupe-'));
  const path = join(directory, 'kernel');
  try {
    await write(path);
    const { pipeline } = await import('node:stream/promises');
    await pipeline(createReadStream(path), to);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** How often it is said how far a save or load is. */
const REPORT_MS = 50;

/** Tells `report`, if there is one, how far `act` is, when that changed, and after its end. */
export async function reporting<T>(
  report: ((progress: SaveProgress) => void) | undefined,
  act: (progress: SharedArrayBuffer | undefined) => Promise<T>,
): Promise<T> {
  if (!report) return act(undefined);
  const shared = newProgress();
  const words = new ProgressWords(shared);
  let last: SaveProgress | undefined;
  const tell = (): void => {
    const now = words.read();
    if (!now || (last && now.phase === last.phase && now.done === last.done)) return;
    last = now;
    report(now);
  };
  const timer = setInterval(tell, REPORT_MS);
  try {
    const result = await act(shared);
    tell();
    return result;
  } finally {
    clearInterval(timer);
  }
}
