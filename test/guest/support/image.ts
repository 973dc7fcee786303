/** What stands in the file of a saved kernel. */
import { readFileSync } from 'node:fs';
import {
  type Frame,
  FrameChain,
  HEADER_SIZE,
  Kind,
  SIGNATURE_SIZE,
} from '../../../src/actors/save/frames.js';
import type { Node } from '../../../src/kernel/save/graph.js';

export function framesOf(file: string): Frame[] {
  const bytes = readFileSync(file);
  const chain = new FrameChain();
  const frames: Frame[] = [];
  for (let at = SIGNATURE_SIZE; at < bytes.length; ) {
    const header = bytes.subarray(at, at + HEADER_SIZE);
    const { head, stored } = FrameChain.lengths(header);
    const body = at + HEADER_SIZE + head;
    frames.push(
      chain.decode(header, bytes.subarray(at + HEADER_SIZE, body), bytes.subarray(body, body + stored)),
    );
    at = body + stored;
  }
  return frames;
}

/** The objects of its state. */
export function objectsOf(file: string): Node[] {
  const graph = framesOf(file).find((frame) => frame.kind === Kind.GRAPH);
  if (!graph) throw new Error('no state');
  return JSON.parse(Buffer.from(graph.bytes).toString()).nodes;
}
