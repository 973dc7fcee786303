/** Sinks and sources over plain buffers, for tests of files that never touch the host. */

import { errnoName } from '../../src/abi/errno.js';
import type { FileDescription, Tried } from '../../src/kernel/fs/file-description.js';
import { BufferSink, BufferSource } from '../../src/kernel/fs/user-io.js';
import { Failure } from '../../src/kernel/outcome.js';
import { WOULD_BLOCK } from '../../src/kernel/wait.js';

const noHost = {
  pread: (): number => {
    throw new Error('no host in this test');
  },
  pwrite: (): number => {
    throw new Error('no host in this test');
  },
};

export const sinkOf = (length: number): BufferSink => new BufferSink(new Uint8Array(length), noHost);
export const sourceOf = (bytes: Uint8Array): BufferSource => new BufferSource(bytes, noHost);

/** A result as a test reads it: a number, an errno's name, or "blocks". */
export function shown(r: Tried<number> | undefined): number | string {
  if (r === WOULD_BLOCK) return 'blocks';
  if (r instanceof Failure) return errnoName(r.errno);
  return r ?? 0;
}

export function readText(file: FileDescription, length: number): string {
  const sink = sinkOf(length);
  const r = file.tryRead(sink);
  return typeof r === 'number' ? Buffer.from(sink.bytes).toString('latin1') : String(shown(r));
}

export function writeText(file: FileDescription, text: string): number | string {
  return shown(file.tryWrite(sourceOf(Buffer.from(text, 'latin1'))));
}
