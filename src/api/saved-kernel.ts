/** Saved kernels as files and as streams: what `saveTo` and `loadFrom` are given. */
import { randomBytes } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { access, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { E } from '../abi/errno.js';
import { BrokenImage } from '../actors/save/frames.js';
import { readDescription } from '../actors/save/image-file.js';
import { newProgress, ProgressWords } from '../actors/save/progress-words.js';
import { type ImageDescription, refused, type SaveProgress } from '../messages/kernel.js';
import { KernelError } from './kernel-error.js';

/** Has `write` make the file, whole or not at all; or a file that is then given to the stream. */
export async function writeSaved(
  to: string | Writable,
  write: (path: string) => Promise<void>,
): Promise<void> {
  if (typeof to !== 'string') {
    await inPrivateDirectory(async (path) => {
      await write(path);
      await pipeline(createReadStream(path), to);
    });
    return;
  }
  const path = resolve(to);
  // Said of the directory that the caller knows, not of a name of ours in it.
  await access(dirname(path), constants.W_OK | constants.X_OK);
  const unfinished = join(dirname(path), `.${randomBytes(6).toString('hex')}.troupe-save`);
  try {
    await write(unfinished);
    await rename(unfinished, path);
  } catch (e) {
    await rm(unfinished, { force: true });
    throw e;
  }
}

/** Has `read` read the file, or one into which the stream was written. */
export async function readSaved<T>(from: string | Readable, read: (path: string) => Promise<T>): Promise<T> {
  if (typeof from === 'string') return read(resolve(from));
  return inPrivateDirectory(async (path) => {
    await pipeline(from, createWriteStream(path, { mode: 0o600 }));
    return read(path);
  });
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

async function inPrivateDirectory<T>(use: (path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'troupe-'));
  try {
    return await use(join(directory, 'kernel'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What the file says of itself. */
export function describedBy(path: string): ImageDescription {
  try {
    return readDescription(path);
  } catch (e) {
    if (!(e instanceof BrokenImage)) throw e;
    throw new KernelError(refused('BrokenImage', E.EINVAL, e.message));
  }
}
