import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PAGE, PageRing } from '../../../../../src/kernel/fs/pipe/page-ring.js';
import { Failure } from '../../../../../src/kernel/outcome.js';
import { sinkOf, sourceOf } from '../../../../support/buffers.js';

/** The same rules, told slowly: a list of pages, each a list of bytes. */
class Model {
  pages: { bytes: number[]; packet: boolean; start: number }[] = [];
  constructor(public slots: number) {}

  write(bytes: number[], packets: boolean): number {
    let at = 0;
    const odd = bytes.length % PAGE;
    const last = this.pages.at(-1);
    if (!packets && odd > 0 && last && !last.packet && last.start + last.bytes.length + odd <= PAGE) {
      last.bytes.push(...bytes.slice(0, odd));
      at = odd;
    }
    while (at < bytes.length && this.pages.length < this.slots) {
      this.pages.push({ bytes: bytes.slice(at, at + PAGE), packet: packets, start: 0 });
      at = Math.min(bytes.length, at + PAGE);
    }
    return at;
  }

  read(count: number): number[] {
    const out: number[] = [];
    while (out.length < count) {
      const first = this.pages[0];
      if (!first) break;
      const taken = first.bytes.splice(0, count - out.length);
      first.start += taken.length;
      out.push(...taken);
      if (first.packet || first.bytes.length === 0) this.pages.shift();
      if (first.packet) break;
    }
    return out;
  }

  resize(slots: number): boolean {
    if (this.pages.length > slots) return false;
    this.slots = slots;
    return true;
  }
}

const size = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: PAGE - 3, max: PAGE + 3 }),
  fc.integer({ min: 1, max: 5 * PAGE }),
);
const step = fc.oneof(
  fc.record({ type: fc.constant('write' as const), size, packets: fc.constant(false) }),
  fc.record({ type: fc.constant('write' as const), size, packets: fc.boolean() }),
  fc.record({ type: fc.constant('read' as const), size }),
  fc.record({ type: fc.constant('resize' as const), slots: fc.constantFrom(1, 2, 4, 8) }),
);

describe('page ring', () => {
  test('does what a list of pages does', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const ring = new PageRing(4);
        const model = new Model(4);
        let next = 0;
        for (const s of steps) {
          if (s.type === 'write') {
            const bytes = Array.from({ length: s.size }, () => next++ & 0xff);
            const n = ring.fill(sourceOf(Uint8Array.from(bytes)), s.packets ? 'packets' : 'stream');
            expect(n).toBe(model.write(bytes, s.packets));
          } else if (s.type === 'read') {
            const sink = sinkOf(s.size);
            const n = ring.drain(sink);
            expect([...sink.bytes]).toEqual(model.read(s.size));
            expect(n).toBe(sink.length);
          } else {
            const failed = ring.resize(s.slots) instanceof Failure;
            expect(failed).toBe(!model.resize(s.slots));
          }
          expect(ring.used).toBe(model.pages.length);
          expect(ring.size).toBe(model.pages.reduce((sum, p) => sum + p.bytes.length, 0));
          expect([...ring.peek(100)]).toEqual(model.pages.flatMap((p) => p.bytes).slice(0, 100));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a write of up to a page is taken whole or not at all', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: PAGE }), { maxLength: 60 }), (sizes) => {
        const ring = new PageRing(2);
        for (const n of sizes) expect([0, n]).toContain(ring.fill(sourceOf(new Uint8Array(n)), 'stream'));
      }),
    );
  });

  test('a source that faults leaves what came before the fault', () => {
    const ring = new PageRing(2);
    const broken = { remaining: 100, take: () => new Uint8Array(0), takeToFile: () => 0, skip: () => 0 };
    expect(ring.fill(broken, 'stream')).toBeInstanceOf(Failure);
    expect(ring.empty).toBe(true);
  });
});
