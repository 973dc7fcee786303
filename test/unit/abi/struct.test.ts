import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cloneArgs } from '../../../src/abi/clone.js';
import { dirent64Size, direntSize, writeDirent, writeDirent64 } from '../../../src/abi/dirent.js';
import { elf64Ehdr } from '../../../src/abi/elf.js';
import { majorOf, makedev, minorOf } from '../../../src/abi/mode.js';
import { epollEvent, pollfd } from '../../../src/abi/poll.js';
import { rlimit64 } from '../../../src/abi/resource.js';
import {
  type Field,
  i8,
  i16,
  i32,
  i64,
  type Struct,
  u8,
  u16,
  u32,
  u64,
  u64big,
} from '../../../src/abi/struct.js';
import { itimerspec, timespec } from '../../../src/abi/time.js';
import { latin1 } from '../../../src/base/bytes.js';

const SAFE = Number.MAX_SAFE_INTEGER;
const signed = fc.integer({ min: -SAFE, max: SAFE });
const unsigned = fc.integer({ min: 0, max: SAFE });
const word = fc.integer({ min: 0, max: 0xffff_ffff });

function roundTrip<T>(s: Struct<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = s.encode(value);
      expect(bytes).toHaveLength(s.size);
      expect(s.decode(bytes)).toEqual(value);
    }),
  );
}

function scalarRoundTrip<T>(field: Field<T>, values: fc.Arbitrary<T>): void {
  const view = new DataView(new ArrayBuffer(24));
  fc.assert(
    fc.property(values, (value) => {
      field.write(view, 8, value);
      expect(field.read(view, 8)).toEqual(value);
      expect(view.getBigUint64(0, true)).toBe(0n);
      expect(view.getBigUint64(16, true)).toBe(0n);
    }),
  );
}

describe('scalars come back as they were written, and touch nothing beside them', () => {
  test.each([
    ['u8', u8, fc.integer({ min: 0, max: 0xff })],
    ['i8', i8, fc.integer({ min: -0x80, max: 0x7f })],
    ['u16', u16, fc.integer({ min: 0, max: 0xffff })],
    ['i16', i16, fc.integer({ min: -0x8000, max: 0x7fff })],
    ['u32', u32, word],
    ['i32', i32, fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })],
    ['i64', i64, signed],
    ['u64', u64, unsigned],
  ] as const)('%s', (_name, field, values) => {
    scalarRoundTrip<number>(field, values);
  });

  test('u64big', () => {
    scalarRoundTrip(u64big, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
  });
});

describe('structs', () => {
  const time = fc.record({ sec: signed, nsec: signed });

  test('timespec', () => roundTrip(timespec, time));
  test('itimerspec: a struct in a struct', () => {
    roundTrip(itimerspec, fc.record({ interval: time, value: time }));
  });
  test('rlimit64 keeps all 64 bits', () => {
    const limit = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    roundTrip(rlimit64, fc.record({ cur: limit, max: limit }));
  });
  test('pollfd', () => {
    const short = fc.integer({ min: -0x8000, max: 0x7fff });
    roundTrip(pollfd, fc.record({ fd: fc.integer({ min: -1, max: 1024 }), events: short, revents: short }));
  });
  test('epoll_event is packed: 12 bytes', () => {
    expect(epollEvent.size).toBe(12);
    roundTrip(epollEvent, fc.record({ events: word, data: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }));
  });
  test('clone_args has its third size', () => expect(cloneArgs.size).toBe(88));
  test('a value made of an ELF header survives', () => {
    const ident = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(ident, unsigned, (bytes, entry) => {
        const zero = elf64Ehdr.decode(new Uint8Array(64));
        const header = elf64Ehdr.decode(elf64Ehdr.encode({ ...zero, ident: bytes, entry }));
        expect([...header.ident]).toEqual([...bytes]);
        expect(header.entry).toBe(entry);
      }),
    );
  });
});

describe('directory entries', () => {
  const name = fc.string({ minLength: 1, maxLength: 255, unit: 'binary-ascii' });

  test('linux_dirent64 has its type before the name, and is padded to 8 bytes with zeros', () => {
    fc.assert(
      fc.property(name, unsigned, unsigned, (text, ino, next) => {
        const bytes = new Uint8Array(dirent64Size(text.length)).fill(0xff);
        const view = new DataView(bytes.buffer);
        expect(writeDirent64(view, 0, { ino, next, type: 8, name: text })).toBe(bytes.length);
        expect(bytes.length % 8).toBe(0);
        expect([u64.read(view, 0), i64.read(view, 8)]).toEqual([ino, next]);
        expect([view.getUint16(16, true), bytes[18]]).toEqual([bytes.length, 8]);
        expect(latin1(bytes.subarray(19, 19 + text.length))).toBe(text);
        expect(bytes.subarray(19 + text.length).every((b) => b === 0)).toBe(true);
      }),
    );
  });

  test('linux_dirent has its type in the last byte', () => {
    fc.assert(
      fc.property(name, (text) => {
        const bytes = new Uint8Array(direntSize(text.length)).fill(0xff);
        writeDirent(new DataView(bytes.buffer), 0, { ino: 1, next: 2, type: 4, name: text });
        expect(bytes.at(-1)).toBe(4);
        expect(latin1(bytes.subarray(18, 18 + text.length))).toBe(text);
        expect(bytes[18 + text.length]).toBe(0);
      }),
    );
  });
});

test('device numbers: major and minor come back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xfff }), fc.integer({ min: 0, max: 0xf_ffff }), (major, minor) => {
      const dev = makedev(major, minor);
      expect([majorOf(dev), minorOf(dev)]).toEqual([major, minor]);
    }),
  );
});
