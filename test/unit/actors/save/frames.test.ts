/** Frames of a saved kernel's file: every change of a bit, of the order, of the length shows. */
import { describe, expect, test } from '@jest/globals';
import {
  BrokenImage,
  checkSignature,
  FrameChain,
  HEADER_SIZE,
  signature,
} from '../../../../src/actors/save/frames.js';

function encoded(chain: FrameChain, text: string, compress = false): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.concat(chain.encode({ kind: 3, shard: 1, head: { text: 'head' }, bytes }, { compress }));
}

function decode(chain: FrameChain, frame: Uint8Array) {
  const { head, stored } = FrameChain.lengths(frame);
  const body = HEADER_SIZE + head;
  return chain.decode(
    frame.subarray(0, HEADER_SIZE),
    frame.subarray(HEADER_SIZE, body),
    frame.subarray(body, body + stored),
  );
}

describe('frames', () => {
  test.each([false, true])('come back as they were (compressed: %s)', (compress) => {
    const text = 'again and '.repeat(100);
    const frame = encoded(new FrameChain(), text, compress);
    expect(frame.length < text.length).toBe(compress);
    const { kind, shard, head, bytes } = decode(new FrameChain(), frame);
    expect({ kind, shard, head }).toEqual({ kind: 3, shard: 1, head: { text: 'head' } });
    expect(Buffer.from(bytes).toString()).toBe(text);
  });

  test('any changed bit is found', () => {
    const frame = encoded(new FrameChain(), 'content');
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const altered = Uint8Array.from(frame);
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => decode(new FrameChain(), altered)).toThrow(BrokenImage);
    }
  });

  test('a frame that was taken out or moved is found', () => {
    const chain = new FrameChain();
    const [first, second] = [encoded(chain, 'first'), encoded(chain, 'second')];
    const reader = new FrameChain();
    decode(reader, first);
    decode(reader, second);
    expect(() => decode(new FrameChain(), second)).toThrow(BrokenImage);
  });

  test('another file, and another version, are refused by what they are', () => {
    expect(() => checkSignature(signature())).not.toThrow();
    expect(() => checkSignature(new Uint8Array(4))).toThrow(/not a saved kernel/);
    const later = signature();
    later[16] = 99;
    expect(() => checkSignature(later)).toThrow(/version 99/);
  });
});
