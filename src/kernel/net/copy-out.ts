/** The bytes of a source as an array of their own: what a message keeps. */
import type { Source } from '../fs/io.js';

/** Up to `length` bytes; fewer only where the source ends or faults. */
export function copyOut(from: Source, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const part = from.take(length - at);
    if (part.length === 0) return out.subarray(0, at);
    out.set(part, at);
    at += part.length;
  }
  return out;
}
