/**
 * Puts a parsed ELF file into an address space: segments straight from the file's pages, zeros behind
 * them. Linux: elf_load, load_elf_interp (fs/binfmt_elf.c).
 *
 * Changes are queued; the caller flushes, and then `zero`es what the last page of a segment has of the
 * file beyond it (copy on write: the file keeps it).
 */
import { PF_R, PF_W, PF_X } from '../../abi/elf.js';
import { E } from '../../abi/errno.js';
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE } from '../../abi/mman.js';
import { userAddr } from '../../base/brand.js';
import type { FileDescription } from '../fs/file-description.js';
import type { MemoryCaller } from '../mm/accounting.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { place } from '../mm/placement.js';
import { pageDown, pageUp } from '../mm/vma.js';
import { Failure, fail } from '../outcome.js';
import type { KernelServices } from '../services.js';
import { type ElfImage, type ElfSegment, parseElfHeader, parseElfImage } from './elf.js';
import { type Executable, readAt } from './executable.js';

/** An ELF file that is known to be loadable. */
export interface ElfFile extends Executable {
  readonly image: ElfImage;
}

/** Reads what the headers say. A file shorter than its segments is refused, which Linux kills later. */
export function inspectElf(services: KernelServices, executable: Executable): ElfFile | Failure {
  const header = parseElfHeader(executable.head);
  if (header instanceof Failure) return header;
  const { tableOffset, tableLength } = header;
  const inHead = executable.head.subarray(tableOffset, tableOffset + tableLength);
  const table =
    inHead.length === tableLength ? inHead : readAt(services, executable.file, tableOffset, tableLength);
  if (table instanceof Failure) return table;
  const image = parseElfImage(header, table, services.platform.maxAddress);
  if (image instanceof Failure) return image;
  const { size } = executable.file.inode.attributes();
  if (image.segments.some((s) => s.filesz > 0 && s.offset + s.filesz > size)) return fail(E.ENOEXEC);
  return { ...executable, image };
}

/** A range of guest memory to fill with zeros once it is mapped. */
export interface ZeroRange {
  readonly addr: number;
  readonly length: number;
}

export interface LoadedElf {
  /** Added to every address of the file. */
  readonly bias: number;
  readonly zero: readonly ZeroRange[];
}

export interface LoadWhere {
  /** Where a relocatable file should go, if free space is not to be looked for. */
  readonly preferred?: number;
}

export function mapElf(
  mm: MemoryManager,
  { file, image }: ElfFile,
  where: LoadWhere,
  caller: MemoryCaller,
): LoadedElf | Failure {
  const bias = chooseBias(mm, image, where);
  if (bias instanceof Failure) return bias;
  const zero: ZeroRange[] = [];
  for (const segment of image.segments) {
    const failed = mapSegment(mm, file, { ...segment, vaddr: segment.vaddr + bias }, zero, caller);
    if (failed) return failed;
  }
  return { bias, zero };
}

function chooseBias(mm: MemoryManager, image: ElfImage, where: LoadWhere): number | Failure {
  const { layout, vmas } = mm;
  const length = image.high - image.low;
  if (!image.relocatable) return isFree(mm, image.low, length) ? 0 : fail(E.ENOEXEC);
  if (where.preferred !== undefined) {
    const start = where.preferred - (where.preferred % image.alignment);
    if (isFree(mm, start, length)) return start - image.low;
  }
  // Addresses of the file keep their remainder: the lowest one need not be aligned itself.
  const lead = image.low % image.alignment;
  const request = { addr: 0, length: length + lead, flags: 0, alignment: image.alignment };
  const start = place(vmas, layout, request);
  return start instanceof Failure ? start : start + lead - image.low;
}

function isFree(mm: MemoryManager, start: number, length: number): boolean {
  const { minAddress, maxAddress } = mm.layout;
  return start >= minAddress && start + length <= maxAddress && !mm.vmas.overlaps(start, start + length);
}

function mapSegment(
  mm: MemoryManager,
  file: FileDescription,
  segment: ElfSegment,
  zero: ZeroRange[],
  caller: MemoryCaller,
): Failure | undefined {
  const { vaddr, filesz, memsz } = segment;
  const prot = protOf(segment.flags);
  const start = pageDown(vaddr);
  const fileEnd = filesz > 0 ? pageUp(vaddr + filesz) : start;
  if (fileEnd > start) {
    const mapped = mm.mmap(
      {
        addr: start,
        length: fileEnd - start,
        prot,
        flags: MAP_PRIVATE | MAP_FIXED,
        file,
        offset: pageDown(segment.offset),
        deferred: true,
      },
      caller,
    );
    if (mapped instanceof Failure) return mapped;
    const tail = fileEnd - (vaddr + filesz);
    if (memsz > filesz && tail > 0 && prot & PROT_WRITE) zero.push({ addr: vaddr + filesz, length: tail });
  }
  const end = pageUp(vaddr + memsz);
  if (end <= fileEnd) return undefined;
  const flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS;
  const bss = mm.mmap({ addr: fileEnd, length: end - fileEnd, prot, flags }, caller);
  return bss instanceof Failure ? bss : undefined;
}

function protOf(flags: number): number {
  return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

/** False when the memory is not there: the file is shorter than it was. */
export function zeroRanges(mm: MemoryManager, ranges: readonly ZeroRange[]): boolean {
  return ranges.every(
    ({ addr, length }) => mm.memory.tryWrite(userAddr(addr), new Uint8Array(length)) === length,
  );
}

/** Where code and data are, as /proc/pid/stat shows it. */
export function imageBounds(image: ElfImage, bias: number) {
  const bounds = { codeStart: Number.POSITIVE_INFINITY, codeEnd: 0, dataStart: 0, dataEnd: 0 };
  for (const { vaddr, filesz, flags } of image.segments) {
    const [start, end] = [vaddr + bias, vaddr + filesz + bias];
    if (flags & PF_X) {
      bounds.codeStart = Math.min(bounds.codeStart, start);
      bounds.codeEnd = Math.max(bounds.codeEnd, end);
    }
    bounds.dataStart = Math.max(bounds.dataStart, start);
    bounds.dataEnd = Math.max(bounds.dataEnd, end);
  }
  if (bounds.codeEnd === 0) bounds.codeStart = 0;
  return bounds;
}
