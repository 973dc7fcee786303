import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ET_DYN, elf64Ehdr, PT_GNU_STACK, PT_INTERP } from '../../../../src/abi/elf.js';
import { E } from '../../../../src/abi/errno.js';
import { type ElfImage, parseElfHeader, parseElfImage } from '../../../../src/kernel/loader/elf.js';
import { Failure, fail } from '../../../../src/kernel/outcome.js';
import { elfFile, type Header, segment } from '../../support/elf-builder.js';

const MAX = 0x7000_0000_0000;

function parse(file: Uint8Array): ElfImage | Failure {
  const header = parseElfHeader(file);
  if (header instanceof Failure) return header;
  return parseElfImage(
    header,
    file.subarray(header.tableOffset, header.tableOffset + header.tableLength),
    MAX,
  );
}

describe('an ELF file', () => {
  test('is described by its program headers', () => {
    const image = parse(
      elfFile([
        segment(),
        segment({
          vaddr: 0x40_2800,
          offset: 0x1800,
          filesz: 0x100,
          memsz: 0x5000,
          flags: 6,
          align: 0x20_0000,
        }),
        segment({ type: PT_INTERP, offset: 0x200, filesz: 28 }),
        segment({ type: PT_GNU_STACK, flags: 7 }),
      ]),
    );
    expect(image).toMatchObject({
      relocatable: false,
      entry: 0x40_0100,
      low: 0x40_0000,
      high: 0x40_8000,
      alignment: 0x20_0000,
      interpreter: { offset: 0x200, length: 28 },
      executableStack: true,
      tableAddress: 0x40_0040,
    });
  });

  test('of this machine is accepted', () => {
    expect(parse(readFileSync('/bin/true'))).toMatchObject({ relocatable: true });
  });

  const bad: [string, Uint8Array][] = [
    ['nothing', new Uint8Array(0)],
    ['less than a header', elfFile([segment()]).subarray(0, 63)],
    ['a 32-bit class', patched((h) => (h.ident[4] = 1))],
    ['big endian', patched((h) => (h.ident[5] = 2))],
    ['another machine', elfFile([segment()], { machine: 183 })],
    ['an object file', elfFile([segment()], { type: 1 })],
    ['no program headers', elfFile([segment()], { phnum: 0 })],
    ['too many program headers', elfFile([segment()], { phnum: 1171 })],
    ['program headers of another size', elfFile([segment()], { phentsize: 32 })],
    ['a table beyond the end', elfFile([segment()], { phoff: 0x2ff0 })],
    ['a table nowhere', elfFile([segment()], { phoff: 2 ** 63 })],
    ['nothing to load', elfFile([segment({ type: PT_GNU_STACK })])],
    ['more file than memory', elfFile([segment({ filesz: 0x2000 })])],
    ['a size that overflows', elfFile([segment({ memsz: 2 ** 63 })])],
    ['an address of the kernel', elfFile([segment({ vaddr: 2 ** 63 })])],
    ['address and size that overflow', elfFile([segment({ vaddr: MAX - 0x1000, memsz: 0x2000 })])],
    ['an offset that does not fit its address', elfFile([segment({ offset: 0x10 })])],
    ['an interpreter without a name', elfFile([segment(), segment({ type: PT_INTERP, filesz: 1 })])],
    ['an interpreter with a long name', elfFile([segment(), segment({ type: PT_INTERP, filesz: 4097 })])],
    ['overlapping segments', elfFile([segment(), segment({ vaddr: 0x40_0800, offset: 0x800 })])],
  ];
  test.each(bad)('with %s fails with ENOEXEC', (_name, file) => {
    expect(parse(file)).toBe(fail(E.ENOEXEC));
  });

  test('however it is mangled, is an image within bounds or ENOEXEC', () => {
    const real = readFileSync('/bin/true').subarray(0, 2048);
    const built = elfFile([segment(), segment({ vaddr: 0x50_0000, type: 1 })], { type: ET_DYN });
    const change = fc.tuple(fc.integer({ min: 0, max: 64 + 56 * 13 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(
        fc.constantFrom(real, built),
        fc.array(change, { minLength: 1, maxLength: 8 }),
        (file, edits) => {
          const bytes = Uint8Array.from(file);
          // The magic stays: what is not ELF at all is refused too soon to be interesting.
          for (const [at, value] of edits) if (at > 3) bytes[at] = value;
          const image = parse(bytes);
          if (image instanceof Failure) return expect(image.errno).toBe(E.ENOEXEC);
          expect(image.low).toBeLessThan(image.high);
          expect(image.high).toBeLessThanOrEqual(MAX);
          for (const s of image.segments) {
            expect(s.filesz).toBeLessThanOrEqual(s.memsz);
            expect(Number.isSafeInteger(s.offset + s.filesz) || s.filesz === 0).toBe(true);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

function patched(edit: (header: Header) => unknown): Uint8Array {
  const file = elfFile([segment()]);
  const header = elf64Ehdr.decode(file);
  edit(header);
  file.set(elf64Ehdr.encode(header));
  return file;
}
