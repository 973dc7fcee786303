/**
 * The file of a saved kernel: a signature with the version of the format, then frames. A frame is a header of
 * fixed size, a head in JSON, and bytes, maybe compressed.
 *
 * The sum of each frame covers the sum of the one before, so a frame that was changed, moved or taken out
 * is found; a frame of its own says that the file is whole.
 */

import { crypto, zlib } from '../lazy-builtins.js';

/** Rises whenever an older reader would misunderstand. */
export const VERSION = 3;
const MAGIC = Buffer.from('troupe kernel\0\0\0', 'latin1');
export const SIGNATURE_SIZE = MAGIC.length + 4;

export const Kind = { DESCRIPTION: 1, GRAPH: 2, BYTES: 3, PAGES: 4, SHARD_END: 5, END: 6 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];
const Codec = { STORED: 0, DEFLATED: 1 } as const;

export interface Frame {
  readonly kind: number;
  /** Whose part of the kernel it is. */
  readonly shard: number;
  readonly head: unknown;
  readonly bytes: Uint8Array;
}

/** kind, codec, shard, length of the head, of the bytes, of the bytes as stored, sum. */
export const HEADER_SIZE = 32;
const SUMMED = 16;
const SUM_SIZE = HEADER_SIZE - SUMMED;
/** No honest frame is larger: whoever reads does not allocate what a broken header asks for. */
const MAX_LENGTH = 1 << 30;

/** What is wrong with the file; the message is for people. */
export class BrokenImage extends Error {
  override readonly name = 'BrokenImage';
}

export function signature(): Uint8Array {
  const bytes = Buffer.alloc(SIGNATURE_SIZE);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(VERSION, MAGIC.length);
  return bytes;
}

export function checkSignature(bytes: Uint8Array): void {
  const there = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (there.length < SIGNATURE_SIZE || !there.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new BrokenImage('it is not a saved kernel');
  }
  const version = there.readUInt32LE(MAGIC.length);
  if (version !== VERSION)
    throw new BrokenImage(`its format is version ${version}, this is version ${VERSION}`);
}

/** One after the other, as they stand in the file. */
export class FrameChain {
  #sum: Uint8Array = new Uint8Array(SUM_SIZE);

  /** Header with head, and the bytes as they are to be stored. */
  encode(frame: Frame, options: { readonly compress: boolean }): [Uint8Array, Uint8Array] {
    const { kind, shard, bytes } = frame;
    const head = Buffer.from(JSON.stringify(frame.head ?? null));
    const deflated = options.compress ? zlib().deflateRawSync(bytes, { level: 1 }) : bytes;
    const smaller = deflated.length < bytes.length;
    const stored = smaller ? deflated : bytes;
    const start = Buffer.alloc(HEADER_SIZE + head.length);
    start.writeUInt8(kind, 0);
    start.writeUInt8(smaller ? Codec.DEFLATED : Codec.STORED, 1);
    start.writeUInt16LE(shard, 2);
    start.writeUInt32LE(head.length, 4);
    start.writeUInt32LE(bytes.length, 8);
    start.writeUInt32LE(stored.length, 12);
    head.copy(start, HEADER_SIZE);
    this.#next(start.subarray(0, SUMMED), head, stored);
    start.set(this.#sum, SUMMED);
    return [start, stored];
  }

  /** How many bytes follow this header: of the head, and as stored. */
  static lengths(header: Uint8Array): { readonly head: number; readonly stored: number } {
    const view = new DataView(header.buffer, header.byteOffset, HEADER_SIZE);
    const [head, raw, stored] = [4, 8, 12].map((at) => view.getUint32(at, true)) as [number, number, number];
    if (head > MAX_LENGTH || raw > MAX_LENGTH || stored > MAX_LENGTH) throw new BrokenImage(ALTERED);
    return { head, stored };
  }

  decode(header: Uint8Array, head: Uint8Array, stored: Uint8Array): Frame {
    this.#next(header.subarray(0, SUMMED), head, stored);
    if (Buffer.compare(this.#sum, header.subarray(SUMMED, HEADER_SIZE)) !== 0) throw new BrokenImage(ALTERED);
    const view = new DataView(header.buffer, header.byteOffset, HEADER_SIZE);
    const deflated = view.getUint8(1) === Codec.DEFLATED;
    const bytes = deflated
      ? zlib().inflateRawSync(stored, { maxOutputLength: view.getUint32(8, true) })
      : stored;
    return {
      kind: view.getUint8(0),
      shard: view.getUint16(2, true),
      head: JSON.parse(Buffer.from(head).toString()),
      bytes,
    };
  }

  #next(...parts: Uint8Array[]): void {
    const hash = crypto().createHash('sha256').update(this.#sum);
    for (const part of parts) hash.update(part);
    this.#sum = hash.digest().subarray(0, SUM_SIZE);
  }
}

const ALTERED = 'it was altered';
