/**
 * Events in a ring: JSON, which V8 writes and reads faster than its own format for small records. The
 * text goes as Latin-1 and is read as UTF-8: so the byte strings of the kernel arrive as the embedder's
 * Unicode, without a look at any of them.
 */
import type { KernelEvent } from '../messages/events.js';

/** Pairs, flat: the observers (a number where it is one), then the event that they get. */
export type EventBatch = (number | readonly number[] | KernelEvent)[];

export function encodeBatch(batch: EventBatch): Uint8Array {
  return Buffer.from(JSON.stringify(batch), 'latin1');
}

export function decodeBatch(bytes: Uint8Array): EventBatch {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return JSON.parse(text) as EventBatch;
}
