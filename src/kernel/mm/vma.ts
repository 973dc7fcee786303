/**
 * One mapping of a guest address space: Linux's struct vm_area_struct (include/linux/mm_types.h).
 *
 * Owner: the VmaTree it is in; only the tree changes `start` and `end`. A Vma with a file holds one
 * reference to its description, as in Linux: a mapping keeps a file open after close(2).
 */
import type { FileDescription } from '../fs/file-description.js';
import { PAGE_SIZE } from './user-memory.js';

/** vm_flags, with Linux's values. The three low bits are PROT_* of mmap(2). */
export const VM = {
  READ: 0x1,
  WRITE: 0x2,
  EXEC: 0x4,
  /** Writes of others can be seen, and ours by others. */
  SHARED: 0x8,
  /** What mprotect(2) may grant: READ, WRITE and EXEC shifted by four. */
  MAYREAD: 0x10,
  MAYWRITE: 0x20,
  MAYEXEC: 0x40,
  /** MAP_SHARED was asked for, though the file may be open for reading only. */
  MAYSHARE: 0x80,
  GROWSDOWN: 0x100,
  LOCKED: 0x2000,
  SEQ_READ: 0x8000,
  RAND_READ: 0x1_0000,
  DONTCOPY: 0x2_0000,
  LOCKONFAULT: 0x8_0000,
  /** Counts against the memory of the machine. */
  ACCOUNT: 0x10_0000,
  NORESERVE: 0x20_0000,
  WIPEONFORK: 0x200_0000,
  DONTDUMP: 0x400_0000,
  HUGEPAGE: 0x2000_0000,
  NOHUGEPAGE: 0x4000_0000,
} as const;

/** READ | WRITE | EXEC */
export const VM_ACCESS = 7;

export interface VmaInit {
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly file?: FileDescription | undefined;
  readonly offset?: number;
  readonly name?: string;
}

export class Vma {
  start: number;
  end: number;
  flags: number;
  readonly file: FileDescription | undefined;
  /** Offset in the file of the byte at `start`; 0 without a file. */
  offset: number;
  /** What /proc/pid/maps shows where there is no file: "[heap]", "[stack]", "[anon:…]", or "". */
  name: string;

  constructor(init: VmaInit) {
    this.start = init.start;
    this.end = init.end;
    this.flags = init.flags;
    this.file = init.file;
    this.offset = init.offset ?? 0;
    this.name = init.name ?? '';
  }

  get length(): number {
    return this.end - this.start;
  }

  get pages(): number {
    return (this.end - this.start) / PAGE_SIZE;
  }

  get prot(): number {
    return this.flags & VM_ACCESS;
  }

  get shared(): boolean {
    return (this.flags & VM.MAYSHARE) !== 0;
  }

  /** Memory of its own, which no file stands behind. */
  get privateAnonymous(): boolean {
    return this.file === undefined && !this.shared;
  }

  /** The offset in the file of the byte at `addr`. */
  offsetAt(addr: number): number {
    return this.file ? this.offset + (addr - this.start) : 0;
  }

  /** Where mappings below must end: a stack keeps a gap under it (Linux: vm_start_gap). */
  get startWithGap(): number {
    return this.flags & VM.GROWSDOWN ? Math.max(0, this.start - STACK_GUARD_GAP) : this.start;
  }
}

/** Linux's stack_guard_gap: 256 pages. */
export const STACK_GUARD_GAP = 256 * PAGE_SIZE;

/** Whether `high`, which begins where `low` ends, is one mapping with it (Linux: can_vma_merge_after). */
export function canMerge(low: Vma, high: Vma): boolean {
  return (
    low.end === high.start &&
    low.flags === high.flags &&
    low.file === high.file &&
    low.name === high.name &&
    (low.file === undefined || low.offset + low.length === high.offset)
  );
}

export function pageDown(addr: number): number {
  return addr - (addr % PAGE_SIZE);
}

/** May exceed every address; callers compare before they use it. */
export function pageUp(addr: number): number {
  return Math.ceil(addr / PAGE_SIZE) * PAGE_SIZE;
}

export function isPageAligned(addr: number): boolean {
  return addr % PAGE_SIZE === 0;
}
