/** Lines on stderr, whole and in order; a slow reader holds the writer, so that none is lost. */
import { writeSync } from 'node:fs';
import { bytesOf } from '../base/bytes.js';

const STDERR = 2;

export function printLine(line: string): void {
  const bytes = bytesOf(`${line}\n`);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(STDERR, bytes, at);
    } catch (e) {
      // The descriptor may be non-blocking, made so by whoever shares it.
      if ((e as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(pause, 0, 0, PAUSE_MS);
    }
  }
}

const PAUSE_MS = 1;
const pause = new Int32Array(new SharedArrayBuffer(4));
