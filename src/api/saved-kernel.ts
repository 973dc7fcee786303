/** Saved kernels as files and as streams: what `loadFrom` is given. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { E } from '../abi/errno.js';
import { BrokenImage } from '../actors/save/frames.js';
import { readDescription } from '../actors/save/image-file.js';
import { type ImageDescription, refused } from '../messages/kernel.js';
import { KernelError } from './kernel-error.js';

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

/** What the file says of itself. */
export function describedBy(path: string): ImageDescription {
  try {
    return readDescription(path);
  } catch (e) {
    if (!(e instanceof BrokenImage)) throw e;
    throw new KernelError(refused('BrokenImage', E.EINVAL, e.message));
  }
}
