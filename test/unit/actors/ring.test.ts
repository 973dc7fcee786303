import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MailboxReceiver, MailboxSender } from '../../../src/actors/mailbox.js';
import { Ring } from '../../../src/actors/ring.js';

describe('ring', () => {
  test('gives back the bytes in order, whatever the sizes of writes and reads', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 40 })), { maxLength: 200 }),
        (steps) => {
          const ring = Ring.create(32);
          const model: number[] = [];
          for (const [bytes, take] of steps) {
            const n = ring.write(bytes);
            expect(n).toBe(Math.min(bytes.length, 32 - model.length));
            model.push(...bytes.subarray(0, n));
            expect([...ring.read(take)]).toEqual(model.splice(0, take));
            expect(ring.readable).toBe(model.length);
          }
        },
      ),
    );
  });

  test('must hold a power of two', () => {
    expect(() => Ring.create(48)).toThrow(/power of two/);
  });
});

describe('mailbox', () => {
  test('delivers every message whole and in order, also ones larger than the ring', async () => {
    const ring = Ring.create(64);
    let rung = 0;
    const sender = new MailboxSender<{ n: number; text: string }>(ring, () => rung++);
    const receiver = new MailboxReceiver<{ n: number; text: string }>(ring);
    const sent = Array.from({ length: 20 }, (_, n) => ({ n, text: 'x'.repeat(n * 17) }));
    for (const m of sent) sender.send(m);
    expect(sender.backlog).toBe(true);
    const got: unknown[] = [];
    while (got.length < sent.length) {
      receiver.drain((m) => got.push(m));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(got).toEqual(sent);
    expect(sender.backlog).toBe(false);
    expect(rung).toBeGreaterThanOrEqual(sent.length);
    sender.close();
  });
});
