import { expect, test } from '@jest/globals';
import { userAddr } from '../../../../src/base/brand.js';
import { PageCopies } from '../../../../src/kernel/mm/page-copies.js';
import { PAGE_SIZE, UserMemory } from '../../../../src/kernel/mm/user-memory.js';
import type { AddressSpace } from '../../../../src/platform/platform.js';

const BASE = 0x1_0000;
const LIMIT = BASE + 16 * PAGE_SIZE;

/** Two pages of memory at BASE, with these bytes in them; `reads` lists where it was read. */
function memoryWith(at: number, bytes: Uint8Array) {
  const content = new Uint8Array(2 * PAGE_SIZE);
  content.set(bytes, at);
  const reads: number[] = [];
  const space = {
    read(addr: number, into: Uint8Array): number {
      reads.push(addr);
      const part = content.subarray(addr - BASE, addr - BASE + into.length);
      into.set(part);
      return part.length;
    },
  };
  return { pages: new PageCopies(new UserMemory(space as unknown as AddressSpace, LIMIT)), reads };
}

test('many pieces of one page are one copy', () => {
  const { pages, reads } = memoryWith(16, Buffer.from('one\0two\0'));
  expect(pages.readString(userAddr(BASE + 16), 100)).toBe('one');
  expect(pages.readString(userAddr(BASE + 20), 100)).toBe('two');
  expect(pages.readU64(userAddr(BASE))).toBe(0);
  expect(reads).toEqual([BASE]);
});

test('words and strings go on in the next page', () => {
  const word = new Uint8Array(BigUint64Array.of(0x1234_5678_9abcn).buffer);
  expect(memoryWith(PAGE_SIZE - 3, word).pages.readU64(userAddr(BASE + PAGE_SIZE - 3))).toBe(
    0x1234_5678_9abc,
  );
  const text = 'x'.repeat(PAGE_SIZE);
  const { pages } = memoryWith(10, Buffer.from(`${text}\0`));
  expect(pages.readString(userAddr(BASE + 10), PAGE_SIZE)).toBe(text);
});

test('a string longer than it may be is undefined, one without an end EFAULT', () => {
  const { pages } = memoryWith(0, Buffer.from('abc\0'));
  expect(pages.readString(userAddr(BASE), 3)).toBe('abc');
  expect(pages.readString(userAddr(BASE), 2)).toBeUndefined();
  const full = memoryWith(0, new Uint8Array(2 * PAGE_SIZE).fill(0x61)).pages;
  expect(() => full.readString(userAddr(BASE), 1 << 20)).toThrow();
});
