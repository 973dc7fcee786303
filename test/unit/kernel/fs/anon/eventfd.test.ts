import { describe, expect, test } from '@jest/globals';
import { EventFile } from '../../../../../src/kernel/fs/anon/eventfd.js';
import { IN, OUT } from '../../../../../src/kernel/wait.js';
import { shown, sinkOf, sourceOf } from '../../../../support/buffers.js';
import { FakeKernel } from '../../../../support/fake-kernel.js';

const { services } = new FakeKernel();
const LARGEST = 2n ** 64n - 2n;

const add = (file: EventFile, n: bigint): number | string =>
  shown(file.tryWrite(sourceOf(new Uint8Array(BigUint64Array.of(n).buffer))));

function take(file: EventFile): bigint | string {
  const sink = sinkOf(8);
  const r = shown(file.tryRead(sink));
  return r === 8 ? new DataView(sink.buffer.buffer).getBigUint64(0, true) : String(r);
}

describe('eventfd', () => {
  test('a read takes the whole counter; of zero it blocks', () => {
    const e = new EventFile(services, 0, 5n, 'counter');
    add(e, 37n);
    expect([take(e), take(e)]).toEqual([42n, 'blocks']);
  });

  test('with EFD_SEMAPHORE a read takes one', () => {
    const e = new EventFile(services, 0, 2n, 'semaphore');
    expect([take(e), take(e), take(e)]).toEqual([1n, 1n, 'blocks']);
  });

  test('the counter stays below 2⁶⁴ - 1: a write that would pass it blocks', () => {
    const e = new EventFile(services, 0, 0n, 'counter');
    expect(add(e, LARGEST)).toBe(8);
    expect(e.readiness() & (IN | OUT)).toBe(IN);
    expect([add(e, 1n), add(e, 0n), add(e, LARGEST + 1n)]).toEqual(['blocks', 8, 'EINVAL']);
    expect(take(e)).toBe(LARGEST);
    expect(e.readiness() & (IN | OUT)).toBe(OUT);
  });

  test('transfers of other than 8 bytes fail with EINVAL', () => {
    const e = new EventFile(services, 0, 1n, 'counter');
    expect(shown(e.tryRead(sinkOf(7)))).toBe('EINVAL');
    expect(shown(e.tryWrite(sourceOf(new Uint8Array(7))))).toBe('EINVAL');
    expect(shown(e.tryRead(sinkOf(8), 0))).toBe('ESPIPE');
  });
});
