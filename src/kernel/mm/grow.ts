/**
 * Stacks that grow: a fault below a MAP_GROWSDOWN mapping extends it. Linux: expand_downwards and
 * acct_stack_growth (mm/mmap.c).
 *
 * The main stack is mapped at its usual size when a program starts (loader/load.ts); growing serves
 * larger limits and mappings a program makes with MAP_GROWSDOWN itself.
 */
import { RLIMIT } from '../../abi/resource.js';
import { isAccountable, type MemoryCaller } from './accounting.js';
import type { MemoryManager } from './memory-manager.js';
import { PAGE_SIZE } from './user-memory.js';
import { pageDown, STACK_GUARD_GAP, VM, Vma } from './vma.js';

/** More than the faulting page at once: faults cost a round trip here. */
const STEP = 128 * 1024;

export function growDown(mm: MemoryManager, addr: number, caller: MemoryCaller): boolean {
  if (addr < mm.layout.minAddress) return false;
  const vma = mm.vmas.findFrom(addr);
  if (!vma || vma.start <= addr || !(vma.flags & VM.GROWSDOWN)) return false;
  const lowest = lowestStart(mm, vma, caller);
  const wanted = pageDown(addr);
  if (wanted < lowest) return false;
  const start = Math.max(lowest, Math.min(wanted, vma.start - STEP));
  const pages = (vma.start - start) / PAGE_SIZE;
  if (!mm.usage.mayExpand(caller.limits, vma.flags, pages)) return false;
  if (isAccountable(vma.flags) && !mm.usage.mayCommit(pages)) return false;
  const below = new Vma({ start, end: vma.start, flags: vma.flags, name: vma.name });
  mm.mapOnHost(below);
  mm.add(below);
  return true;
}

/** How far down the stack limit and the mapping below let it go. */
function lowestStart(mm: MemoryManager, vma: Vma, { limits }: MemoryCaller): number {
  const below = mm.vmas.findBelow(vma.start);
  // An inaccessible mapping below is a guard page of the program's own, and gap enough.
  const gap = below && below.prot !== 0 ? STACK_GUARD_GAP : 0;
  const floor = Math.max(below ? below.end + gap : 0, mm.layout.minAddress);
  return Math.max(floor, vma.end - limits.number(RLIMIT.STACK));
}
