/** Small ELF files for tests of the loader. */
import {
  ELFCLASS64,
  ELFDATA2LSB,
  EM_X86_64,
  ET_EXEC,
  EV_CURRENT,
  elf64Ehdr,
  elf64Phdr,
  PT_LOAD,
} from '../../../src/abi/elf.js';

export type Header = ReturnType<typeof elf64Ehdr.decode>;
export type ProgramHeader = ReturnType<typeof elf64Phdr.decode>;

export function segment(change: Partial<ProgramHeader> = {}): ProgramHeader {
  const usual = { type: PT_LOAD, flags: 5, offset: 0, vaddr: 0x40_0000, paddr: 0 };
  return { ...usual, filesz: 0x1000, memsz: 0x1000, align: 0x1000, ...change };
}

/** A file of `size` bytes: header, program headers, then bytes that count up. */
export function elfFile(
  segments: readonly ProgramHeader[],
  header: Partial<Header> = {},
  size = 0x3000,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size).map((_, i) => i & 0xff);
  const ident = new Uint8Array(16);
  ident.set([0x7f, 0x45, 0x4c, 0x46, ELFCLASS64, ELFDATA2LSB, EV_CURRENT]);
  const usual = { ident, type: ET_EXEC, machine: EM_X86_64, version: 1, entry: 0x40_0100, phoff: 64 };
  const tables = { shoff: 0, flags: 0, ehsize: 64, phentsize: 56, shentsize: 0, shnum: 0, shstrndx: 0 };
  bytes.set(elf64Ehdr.encode({ ...usual, ...tables, phnum: segments.length, ...header }));
  segments.forEach((s, i) => {
    bytes.set(elf64Phdr.encode(s), 64 + i * 56);
  });
  return bytes;
}
