/**
 * ELF64 files as exec(2) looks at them: elf(5), Linux fs/binfmt_elf.c.
 *
 * The bytes come from whoever wrote the file and are believed in nothing: every size and address is
 * bounded before it is used, and what does not fit is ENOEXEC. 32-bit files are refused alike. What
 * comes out here can be mapped without further doubt, given a fitting bias.
 */
import {
  EI_CLASS,
  EI_DATA,
  ELF_MAGIC,
  ELFCLASS64,
  ELFDATA2LSB,
  EM_X86_64,
  ET_DYN,
  ET_EXEC,
  elf64Ehdr,
  elf64Phdr,
  PF_X,
  PT_GNU_STACK,
  PT_INTERP,
  PT_LOAD,
} from '../../abi/elf.js';
import { E } from '../../abi/errno.js';
import { PATH_MAX } from '../../abi/open.js';
import { PAGE_SIZE } from '../mm/user-memory.js';
import { pageDown, pageUp } from '../mm/vma.js';
import { type Failure, fail } from '../outcome.js';

/** Linux: at most this many bytes of program headers. */
const MAX_TABLE = 65_536;

export interface ElfHeader {
  /** Goes anywhere (ET_DYN), or where it says (ET_EXEC). */
  readonly relocatable: boolean;
  readonly entry: number;
  readonly tableOffset: number;
  readonly tableLength: number;
}

/** A PT_LOAD. */
export interface ElfSegment {
  readonly vaddr: number;
  readonly memsz: number;
  readonly offset: number;
  readonly filesz: number;
  /** PF_* */
  readonly flags: number;
}

export interface ElfImage extends ElfHeader {
  /** In the order of the file; they do not overlap. */
  readonly segments: readonly ElfSegment[];
  /** Page-aligned bounds of all segments. */
  readonly low: number;
  readonly high: number;
  /** The largest p_align, at least a page. */
  readonly alignment: number;
  /** Where the file has the path of its interpreter. */
  readonly interpreter: { readonly offset: number; readonly length: number } | undefined;
  readonly executableStack: boolean;
  /** Where the program headers are once loaded, without bias; 0: nowhere (AT_PHDR). */
  readonly tableAddress: number;
}

export function isElf(head: Uint8Array): boolean {
  return head.length >= 4 && new DataView(head.buffer, head.byteOffset).getUint32(0, true) === ELF_MAGIC;
}

/** The file header, from the first bytes of a file. */
export function parseElfHeader(head: Uint8Array): ElfHeader | Failure {
  if (head.length < elf64Ehdr.size || !isElf(head)) return fail(E.ENOEXEC);
  const h = elf64Ehdr.decode(head);
  if (h.ident[EI_CLASS] !== ELFCLASS64 || h.ident[EI_DATA] !== ELFDATA2LSB) return fail(E.ENOEXEC);
  if (h.machine !== EM_X86_64 || (h.type !== ET_EXEC && h.type !== ET_DYN)) return fail(E.ENOEXEC);
  const tableLength = h.phnum * elf64Phdr.size;
  if (h.phentsize !== elf64Phdr.size || tableLength === 0 || tableLength > MAX_TABLE) return fail(E.ENOEXEC);
  if (h.phoff > Number.MAX_SAFE_INTEGER - MAX_TABLE) return fail(E.ENOEXEC);
  return { relocatable: h.type === ET_DYN, entry: h.entry, tableOffset: h.phoff, tableLength };
}

/** The whole, from the header and the bytes of its program header table. */
export function parseElfImage(header: ElfHeader, table: Uint8Array, maxAddress: number): ElfImage | Failure {
  if (table.length < header.tableLength) return fail(E.ENOEXEC);
  const segments: ElfSegment[] = [];
  let alignment = PAGE_SIZE;
  let interpreter: ElfImage['interpreter'];
  let executableStack = false;
  let tableAddress = 0;
  for (let at = 0; at < header.tableLength; at += elf64Phdr.size) {
    const p = elf64Phdr.decode(table.subarray(at, at + elf64Phdr.size));
    switch (p.type) {
      case PT_LOAD:
        if (!isLoadable(p, maxAddress)) return fail(E.ENOEXEC);
        if (p.memsz > 0) segments.push(p);
        if (isPowerOfTwo(p.align) && p.align <= maxAddress) alignment = Math.max(alignment, p.align);
        if (p.offset <= header.tableOffset && header.tableOffset < p.offset + p.filesz) {
          tableAddress = header.tableOffset - p.offset + p.vaddr;
        }
        break;
      case PT_INTERP:
        if (interpreter) break;
        if (p.filesz < 2 || p.filesz > PATH_MAX || p.offset > Number.MAX_SAFE_INTEGER - PATH_MAX) {
          return fail(E.ENOEXEC);
        }
        interpreter = { offset: p.offset, length: p.filesz };
        break;
      case PT_GNU_STACK:
        executableStack = (p.flags & PF_X) !== 0;
        break;
      default:
    }
  }
  const bounds = boundsOf(segments);
  if (!bounds) return fail(E.ENOEXEC);
  const [low, high] = bounds;
  // The entry point of an interpreter or program lies within the guest's range, wherever it is put.
  if (header.entry > maxAddress) return fail(E.ENOEXEC);
  return { ...header, segments, low, high, alignment, interpreter, executableStack, tableAddress };
}

function isLoadable(p: ElfSegment, maxAddress: number): boolean {
  if (p.filesz > p.memsz || p.memsz > maxAddress || p.vaddr > maxAddress - p.memsz) return false;
  if (p.filesz === 0) return true;
  if (p.offset > Number.MAX_SAFE_INTEGER - maxAddress) return false;
  return p.offset % PAGE_SIZE === p.vaddr % PAGE_SIZE;
}

/** Page-aligned lowest and highest address; undefined when there is nothing or it overlaps. */
function boundsOf(segments: readonly ElfSegment[]): [number, number] | undefined {
  const sorted = [...segments].sort((a, b) => a.vaddr - b.vaddr);
  const first = sorted[0];
  if (!first) return undefined;
  let end = first.vaddr;
  for (const s of sorted) {
    if (s.vaddr < end) return undefined;
    end = s.vaddr + s.memsz;
  }
  return [pageDown(first.vaddr), pageUp(end)];
}

function isPowerOfTwo(n: number): boolean {
  return n >= 1 && Number.isInteger(Math.log2(n));
}
