/** Files of saved kernels: what stands in them, and some altered as nobody should, with sums that are right all the same. */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  type Frame,
  FrameChain,
  HEADER_SIZE,
  Kind,
  SIGNATURE_SIZE,
  signature,
} from '../../../src/actors/save/frames.js';
import type { Node } from '../../../src/kernel/save/graph.js';

/** Of an XSAVE image as ptrace shows it: XCR0, and the header's word of the components that are in use. */
const XCR0 = 464;
const XSTATE_BV = 512;
const XSAVE_LEAST = 576;

export function* framesOf(file: string): Iterable<Frame> {
  const bytes = readFileSync(file);
  const chain = new FrameChain();
  for (let at = SIGNATURE_SIZE; at < bytes.length; ) {
    const header = bytes.subarray(at, at + HEADER_SIZE);
    const { head, stored } = FrameChain.lengths(header);
    const start = at + HEADER_SIZE;
    at = start + head + stored;
    yield chain.decode(header, bytes.subarray(start, start + head), bytes.subarray(start + head, at));
  }
}

/** The objects of its state. */
export function objectsOf(file: string): Node[] {
  for (const frame of framesOf(file)) {
    if (frame.kind === Kind.GRAPH) return JSON.parse(Buffer.from(frame.bytes).toString()).nodes;
  }
  throw new Error('no state');
}

/** Every task uses a component of registers that this CPU has not, it says. */
export function withUnknownRegisters(file: string): void {
  const chain = new FrameChain();
  const parts: Uint8Array[] = [signature()];
  let changed = 0;
  for (const frame of framesOf(file)) {
    const bytes = Uint8Array.from(frame.bytes);
    if (frame.kind === Kind.BYTES && isXsave(bytes)) {
      bytes[XSTATE_BV + 3] = (bytes[XSTATE_BV + 3] ?? 0) | unknownBit(bytes[XCR0 + 3] ?? 0);
      changed++;
    }
    parts.push(...chain.encode({ ...frame, bytes }, { compress: false }));
  }
  if (changed === 0) throw new Error('no registers were found');
  writeFileSync(file, Buffer.concat(parts));
}

/** x87 and SSE are in every one; no reserved word of the header is used. */
function isXsave(bytes: Uint8Array): boolean {
  const reserved = bytes.subarray(XSTATE_BV + 8, XSAVE_LEAST);
  return (
    bytes.length >= XSAVE_LEAST && ((bytes[XCR0] ?? 0) & 3) === 3 && reserved.every((byte) => byte === 0)
  );
}

function unknownBit(known: number): number {
  for (let bit = 0x80; bit > 0; bit >>= 1) if ((known & bit) === 0) return bit;
  throw new Error('a CPU with all of these components');
}
