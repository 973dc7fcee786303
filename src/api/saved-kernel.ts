/** Saved kernels as files and as streams: what `saveTo` and `loadFrom` are given. */
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { access, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crypto } from '../base/lazy-builtins.js';

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
  const unfinished = join(dirname(path), `.${crypto().randomBytes(6).toString('hex')}.troupe-save`);
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

async function inPrivateDirectory<T>(use: (path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'troupe-'));
  try {
    return await use(join(directory, 'kernel'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
