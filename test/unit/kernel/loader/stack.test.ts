import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AUXV } from '../../../../src/abi/elf.js';
import { E } from '../../../../src/abi/errno.js';
import { buildStack, checkStringSizes } from '../../../../src/kernel/loader/stack.js';
import { fail } from '../../../../src/kernel/outcome.js';

const TOP = 0x6fff_1234_0000;

/** Reads a stack as a program does: from the stack pointer, following pointers. */
function decode({ sp, bytes }: { sp: number; bytes: Uint8Array }) {
  const view = new DataView(bytes.buffer);
  const word = (addr: number): number => Number(view.getBigUint64(addr - sp, true));
  const text = (addr: number): string => {
    const from = addr - sp;
    return Buffer.from(bytes.subarray(from, bytes.indexOf(0, from))).toString('latin1');
  };
  let at = sp + 8;
  const list = (): string[] => {
    const out: string[] = [];
    for (; word(at) !== 0; at += 8) out.push(text(word(at)));
    at += 8;
    return out;
  };
  const argc = word(sp);
  const [argv, envp] = [list(), list()];
  const auxv = new Map<number, number>();
  for (; word(at) !== AUXV.NULL; at += 16) auxv.set(word(at), word(at + 8));
  return { argc, argv, envp, auxv, text };
}

const word = fc.string({
  maxLength: 20,
  unit: fc.integer({ min: 1, max: 255 }).map((c) => String.fromCharCode(c)),
});

describe('the stack of a new program', () => {
  test('read back gives what was put in, aligned to 16 bytes', () => {
    const lists = fc.array(word, { maxLength: 8 });
    fc.assert(
      fc.property(lists, lists, word, fc.integer({ min: 0, max: 8191 }), (argv, envp, filename, gap) => {
        const random = Uint8Array.from({ length: 16 }, (_, i) => i);
        const pointers: [number, number][] = [
          [AUXV.RANDOM, 0],
          [AUXV.EXECFN, 0],
          [AUXV.PLATFORM, 0],
        ];
        const auxv: [number, number][] = [[AUXV.PAGESZ, 4096], ...pointers];
        const stack = buildStack({ argv, envp, filename, top: TOP, random, gap, auxv });
        expect(stack.sp % 16).toBe(0);
        expect(stack.sp + stack.bytes.length).toBe(TOP);
        const seen = decode(stack);
        expect([seen.argc, seen.argv, seen.envp]).toEqual([argv.length, argv, envp]);
        expect(seen.auxv.get(AUXV.PAGESZ)).toBe(4096);
        expect(seen.text(seen.auxv.get(AUXV.EXECFN) ?? 0)).toBe(filename);
        expect(seen.text(seen.auxv.get(AUXV.PLATFORM) ?? 0)).toBe('x86_64');
        const at = (seen.auxv.get(AUXV.RANDOM) ?? 0) - stack.sp;
        expect(stack.bytes.subarray(at, at + 16)).toEqual(random);
        // /proc/pid/cmdline and environ are one run of strings each.
        const strings = (from: number, to: number) =>
          Buffer.from(stack.bytes.subarray(from - stack.sp, to - stack.sp)).toString('latin1');
        expect(strings(stack.argStart, stack.argEnd)).toBe(argv.map((s) => `${s}\0`).join(''));
        expect(strings(stack.envStart, stack.envEnd)).toBe(envp.map((s) => `${s}\0`).join(''));
        // The path of the program comes last, eight bytes below the top.
        expect(stack.envEnd).toBe(TOP - 8 - filename.length - 1);
      }),
    );
  });

  test.each([
    ['one string of 128 KiB', ['x'.repeat(131_071)], 8 << 20, undefined],
    ['one byte more', ['x'.repeat(131_072)], 8 << 20, E.E2BIG],
    ['a quarter of the stack', new Array(18).fill('x'.repeat(100_000)), 8 << 20, undefined],
    ['more than a quarter', new Array(22).fill('x'.repeat(100_000)), 8 << 20, E.E2BIG],
    ['more than 6 MiB of an unlimited stack', new Array(64).fill('x'.repeat(100_000)), Infinity, E.E2BIG],
    ['128 KiB of a tiny stack', new Array(120).fill('x'.repeat(1000)), 4096, undefined],
    ['pointers that need too much', new Array(300_000).fill(''), 8 << 20, E.E2BIG],
  ])('%s', (_name, argv, limit, errno) => {
    const checked = checkStringSizes({ argv, envp: [], filename: '/x' }, limit);
    expect(checked).toBe(errno === undefined ? undefined : fail(errno));
  });
});
