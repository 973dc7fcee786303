/**
 * Byte strings: names and paths of guests are bytes, kept as JS strings of one char (0–255) a byte, so
 * that nothing is lost and Map keys stay cheap.
 */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** Byte string of an embedder's (Unicode) string, and back. */
export function fromUnicode(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function toUnicode(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
