import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ByteRing } from '../../../../../src/kernel/net/inet/byte-ring.js';
import { sinkOf, sourceOf } from '../../../../support/buffers.js';

/** What is done to the ring, with a number of bytes. */
const step = fc.tuple(
  fc.constantFrom('fill', 'drain', 'copy', 'discard'),
  fc.oneof(fc.nat(64), fc.nat(9000), fc.constant(4096)),
);

describe('ByteRing', () => {
  test('gives out what was filled in, in order, whatever the sizes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ring = new ByteRing();
        let model: number[] = [];
        let next = 0;
        for (const [what, n] of steps) {
          if (what === 'fill') {
            const bytes = Uint8Array.from({ length: n }, () => next++ & 0xff);
            expect(ring.fill(sourceOf(bytes), n)).toBe(n);
            model = model.concat([...bytes]);
          } else if (what === 'discard') {
            expect(ring.discard(n)).toBe(Math.min(n, model.length));
            model = model.slice(n);
          } else {
            const sink = sinkOf(n);
            const got = what === 'drain' ? ring.drain(sink) : ring.copy(sink);
            expect(got).toBe(Math.min(n, model.length));
            expect([...sink.bytes.subarray(0, got)]).toEqual(model.slice(0, got));
            if (what === 'drain') model = model.slice(got);
          }
          expect(ring.size).toBe(model.length);
        }
      }),
    );
  });

  test('takes no more than it is allowed', () => {
    const ring = new ByteRing();
    const source = sourceOf(new Uint8Array(100));
    expect(ring.fill(source, 30)).toBe(30);
    expect(source.remaining).toBe(70);
  });
});
