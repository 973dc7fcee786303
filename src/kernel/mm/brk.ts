/**
 * brk(2). Linux: mm/mmap.c. The heap is anonymous memory named "[heap]" from `brkStart` up; a failure
 * is told by returning the old end.
 */
import { RLIMIT } from '../../abi/resource.js';
import type { MemoryCaller } from './accounting.js';
import type { MemoryManager } from './memory-manager.js';
import { PAGE_SIZE } from './user-memory.js';
import { pageUp, VM, Vma } from './vma.js';

export const HEAP_NAME = '[heap]';
const HEAP_FLAGS = VM.READ | VM.WRITE | VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC | VM.ACCOUNT;

export function setBrk(mm: MemoryManager, end: number, caller: MemoryCaller): number {
  if (end < mm.brkStart || end > mm.layout.maxAddress) return mm.brkEnd;
  const { dataStart, dataEnd } = mm.image;
  if (end - mm.brkStart + (dataEnd - dataStart) > caller.limits.number(RLIMIT.DATA)) return mm.brkEnd;
  const from = pageUp(mm.brkEnd);
  const to = pageUp(end);
  if (to < from) mm.munmap(to, from);
  else if (to > from && !growHeap(mm, from, to, caller)) return mm.brkEnd;
  mm.brkEnd = end;
  return end;
}

function growHeap(mm: MemoryManager, from: number, to: number, caller: MemoryCaller): boolean {
  const pages = (to - from) / PAGE_SIZE;
  // A page is left free before the next mapping, and a stack its gap.
  const next = mm.vmas.findFrom(from);
  if (next && to + PAGE_SIZE > next.startWithGap) return false;
  const flags = HEAP_FLAGS | mm.futureFlags;
  if (flags & VM.LOCKED && !mm.usage.mayLock(caller, pages)) return false;
  if (!mm.usage.mayExpand(caller.limits, flags, pages)) return false;
  if (!mm.vmas.hasRoomFor(1) || !mm.usage.mayCommit(pages)) return false;
  const vma = new Vma({ start: from, end: to, flags, name: HEAP_NAME });
  mm.mapOnHost(vma);
  mm.add(vma);
  return true;
}
