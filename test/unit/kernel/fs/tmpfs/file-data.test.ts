import { afterEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { E } from '../../../../../src/abi/errno.js';
import { SEEK_DATA, SEEK_HOLE } from '../../../../../src/abi/open.js';
import { DataStore } from '../../../../../src/kernel/fs/tmpfs/data-store.js';
import { FileData } from '../../../../../src/kernel/fs/tmpfs/file-data.js';
import { BufferSink, BufferSource } from '../../../../../src/kernel/fs/user-io.js';
import { errnoOf, hostFiles } from '../../../support/file-system.js';

const SPAN = 300_000;

function newData(limit = Number.POSITIVE_INFINITY): { data: FileData; store: DataStore } {
  const store = new DataStore(hostFiles, limit);
  return { data: new FileData(store), store };
}

function write(data: FileData, bytes: Uint8Array, offset: number): unknown {
  return data.write(new BufferSource(bytes, hostFiles), offset);
}

function read(data: FileData, offset: number, length: number): Uint8Array {
  const sink = new BufferSink(new Uint8Array(length), hostFiles);
  expect(data.read(sink, offset)).toBe(sink.length);
  return sink.bytes;
}

const offset = fc.oneof(fc.nat(SPAN), fc.nat(200), fc.constantFrom(4096, 65_535, 65_536, 131_072));
const step = fc.oneof(
  fc.record({
    op: fc.constant('write' as const),
    offset,
    length: fc.nat(90_000),
    fill: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({ op: fc.constant('truncate' as const), offset }),
  fc.record({ op: fc.constant('punch' as const), offset, length: fc.nat(90_000) }),
  fc.record({
    op: fc.constant('allocate' as const),
    offset,
    length: fc.integer({ min: 1, max: 90_000 }),
    keepSize: fc.boolean(),
  }),
  fc.record({ op: fc.constant('map' as const) }),
);

describe('FileData', () => {
  test('agrees with a flat array through writes, truncations, holes and the move to a memfd', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), offset, fc.nat(90_000), (steps, from, length) => {
        const { data, store } = newData();
        let model = new Uint8Array(0);
        const grow = (size: number): void => {
          if (size <= model.length) return;
          const bigger = new Uint8Array(size);
          bigger.set(model);
          model = bigger;
        };
        for (const s of steps) {
          if (s.op === 'write') {
            write(data, new Uint8Array(s.length).fill(s.fill), s.offset);
            if (s.length > 0) grow(s.offset + s.length);
            model.fill(s.fill, s.offset, s.offset + s.length);
          } else if (s.op === 'truncate') {
            data.truncate(s.offset);
            if (s.offset < model.length) model = model.slice(0, s.offset);
            grow(s.offset);
          } else if (s.op === 'punch') {
            data.punch(s.offset, s.length);
            model.fill(0, s.offset, s.offset + s.length);
          } else if (s.op === 'allocate') {
            data.allocate(s.offset, s.length, { keepSize: s.keepSize });
            if (!s.keepSize) grow(s.offset + s.length);
          } else {
            expect(data.memfd()).toBeGreaterThanOrEqual(0);
          }
          expect(data.size).toBe(model.length);
        }
        const got = read(data, from, length);
        expect(Buffer.compare(got, model.subarray(from, from + length))).toBe(0);
        expect(Buffer.compare(read(data, 0, model.length), model)).toBe(0);
        data.release();
        expect(store.used).toBe(0);
        expect(store.memfds.size).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  test('where the host has no memfd to give, a large file is refused, and costs the kernel nothing', () => {
    const { data, store } = newData();
    jest.spyOn(hostFiles, 'memfd').mockReturnValue(-E.ENOMEM);
    expect(errnoOf(data.allocate(0, 2 ** 43, { keepSize: false }))).toBe(E.ENOMEM);
    expect(errnoOf(write(data, new Uint8Array((1 << 20) + 1), 0))).toBe(E.ENOMEM);
    expect([data.size, store.used]).toEqual([0, 0]);
  });

  test('a file that is allocated bit by bit moves to a memfd like any large one', () => {
    const { data, store } = newData();
    for (let at = 0; at <= 1 << 20; at += 65_536) data.allocate(at, 65_536, { keepSize: false });
    expect([data.size, store.memfds.size]).toEqual([(1 << 20) + 65_536, 1]);
    data.release();
  });

  test('a hole of any size in a memfd costs nothing', () => {
    const { data, store } = newData();
    data.memfd();
    data.truncate(2 ** 43);
    write(data, new Uint8Array([1]), 2 ** 42);
    expect(data.punch(0, 2 ** 43)).toBeUndefined();
    expect([data.size, data.blocks, store.used]).toEqual([2 ** 43, 0, 0]);
    expect([...read(data, 2 ** 42, 1)]).toEqual([0]);
    data.release();
  });

  test('counts pages, not buffers, and gives them back', () => {
    const { data, store } = newData();
    write(data, new Uint8Array(1), 0);
    expect(data.blocks).toBe(8);
    write(data, new Uint8Array(4097), 65_536 - 4096);
    expect(data.blocks).toBe(24);
    data.punch(65_536, 4096);
    expect(data.blocks).toBe(16);
    data.truncate(10);
    expect([data.blocks, store.used]).toEqual([8, 4096]);
  });

  test.each(['chunks', 'memfd'])('finds data and holes in %s', (where) => {
    const { data } = newData();
    write(data, new Uint8Array([1]), 200_000);
    data.truncate(400_000);
    if (where === 'memfd') data.memfd();
    const page = Math.floor(200_000 / 4096) * 4096;
    expect(data.seek(0, 'data', SEEK_DATA)).toBe(page);
    expect(data.seek(200_001, 'data', SEEK_DATA)).toBe(200_001);
    expect(data.seek(0, 'hole', SEEK_HOLE)).toBe(0);
    expect(data.seek(page, 'hole', SEEK_HOLE)).toBe(page + 4096);
    expect(errnoOf(data.seek(page + 4096, 'data', SEEK_DATA))).toBe(E.ENXIO);
    expect(errnoOf(data.seek(400_000, 'hole', SEEK_HOLE))).toBe(E.ENXIO);
    data.release();
  });

  test('a full store takes what fits, then answers ENOSPC', () => {
    const { data, store } = newData(10 * 4096);
    expect(write(data, new Uint8Array(9 * 4096), 0)).toBe(9 * 4096);
    expect(write(data, new Uint8Array(3 * 4096), 9 * 4096)).toBe(4096);
    expect(errnoOf(write(data, new Uint8Array(1), 10 * 4096))).toBe(E.ENOSPC);
    expect(write(data, new Uint8Array(4096), 0)).toBe(4096);
    expect(errnoOf(data.allocate(0, 11 * 4096, { keepSize: true }))).toBe(E.ENOSPC);
    data.release();
    expect(store.used).toBe(0);
  });

  test('a full store holds for large files too', () => {
    const { data } = newData(2 << 20);
    expect(write(data, new Uint8Array(3 << 20), 0)).toBe(2 << 20);
    expect(errnoOf(write(data, new Uint8Array(1), 2 << 20))).toBe(E.ENOSPC);
    data.truncate(1 << 20);
    expect(write(data, new Uint8Array(5), 1 << 20)).toBe(5);
    data.release();
  });

  test('more than a megabyte moves to a memfd', () => {
    const { data, store } = newData();
    write(data, new Uint8Array(1 << 20).fill(7), 0);
    expect(store.memfds.size).toBe(0);
    write(data, new Uint8Array([9]), 1 << 20);
    expect(store.memfds.size).toBe(1);
    expect([...read(data, (1 << 20) - 1, 5)]).toEqual([7, 9]);
    data.release();
  });
});
