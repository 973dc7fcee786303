/**
 * Where the parts of an address space begin: stack at the top, mappings downwards below it, position
 * independent programs at two thirds, the heap behind the program. Models arch/x86/mm/mmap.c and
 * fs/binfmt_elf.c; the random bits are Linux's defaults for x86-64.
 *
 *   minAddress … program … [heap] → …  ← mappings  mmapBase … [stack] stackTop … maxAddress
 *
 * All randomness comes from the injected source, so a layout is a function of its seed.
 */
import type { Random } from '../services.js';
import { PAGE_SIZE } from './user-memory.js';
import { pageDown, pageUp, STACK_GUARD_GAP } from './vma.js';

const MIB = 1 << 20;
const GIB = 1 << 30;
const STACK_RANDOM_PAGES = 2 ** 22;
const MMAP_RANDOM_PAGES = 2 ** 28;
/** vm.mmap_min_addr as hosts have it: below, they refuse. */
const MMAP_MIN_ADDR = 65_536;
const MIN_STACK_GAP = 128 * MIB;
/** An unlimited stack still leaves the rest of the address space to mappings. */
const MAX_STACK_GAP = 64 * GIB;
/** Linux's ELF_ET_DYN_BASE with the whole 47 bits; sanitizers expect programs near it. */
const USUAL_PROGRAM_BASE = 0x5555_5555_4000;
const BRK_RANDOM_PAGES = GIB / PAGE_SIZE;

export interface Layout {
  readonly minAddress: number;
  readonly maxAddress: number;
  readonly stackTop: number;
  /** Mappings without an address are placed below it, the highest first. */
  readonly mmapBase: number;
  /** Where position independent programs that name an interpreter go. */
  readonly programBase: number;
  readonly fixed: boolean;
}

export interface LayoutOptions {
  /** RLIMIT_STACK: how much room the stack is left. */
  readonly stackLimit: number;
  /** Nothing is left to chance: ADDR_NO_RANDOMIZE of personality(2). */
  readonly fixed: boolean;
}

const NO_CHANCE: Random = { fill: (bytes) => bytes.fill(0) };

export function newLayout(
  range: { readonly minAddress: number; readonly maxAddress: number },
  source: Random,
  { stackLimit, fixed }: LayoutOptions,
): Layout {
  const random = fixed ? NO_CHANCE : source;
  const { maxAddress } = range;
  const minAddress = Math.max(range.minAddress, MMAP_MIN_ADDR);
  const gap = Math.min(Math.max(stackLimit, MIN_STACK_GAP), MAX_STACK_GAP) + STACK_GUARD_GAP;
  const usual = USUAL_PROGRAM_BASE + 2 * MMAP_RANDOM_PAGES * PAGE_SIZE < maxAddress;
  const base = usual ? USUAL_PROGRAM_BASE : pageDown((maxAddress / 3) * 2);
  return {
    minAddress,
    maxAddress,
    stackTop: maxAddress - randomPages(random, STACK_RANDOM_PAGES),
    mmapBase: pageDown(
      maxAddress - STACK_RANDOM_PAGES * PAGE_SIZE - gap - randomPages(random, MMAP_RANDOM_PAGES),
    ),
    programBase: base + randomPages(random, MMAP_RANDOM_PAGES),
    fixed,
  };
}

/** Where the heap starts when the program ends at `end` (Linux: arch_randomize_brk). */
export function brkBase({ fixed }: Layout, random: Random, end: number): number {
  return pageUp(end) + (fixed ? 0 : randomPages(random, BRK_RANDOM_PAGES));
}

/** Bytes left free below a program's strings, less than `limit` (Linux: arch_align_stack). */
export function stackShift({ fixed }: Layout, random: Random, limit: number): number {
  return fixed ? 0 : randomU32(random) % limit;
}

/** A random number of whole pages below `pages`, in bytes. */
export function randomPages(random: Random, pages: number): number {
  return (randomU32(random) % pages) * PAGE_SIZE;
}

const word = new Uint8Array(4);
const wordView = new DataView(word.buffer);
function randomU32(random: Random): number {
  random.fill(word);
  return wordView.getUint32(0, true);
}
