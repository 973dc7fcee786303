/** mincore(2) and msync(2): questions about, and orders to, pages that are the host's. */
import { E, type Errno } from '../../abi/errno.js';
import { MS_ASYNC, MS_INVALIDATE, MS_SYNC } from '../../abi/mman.js';
import { userAddr } from '../../base/brand.js';
import { type Failure, fail } from '../outcome.js';
import { firstHole } from './lock.js';
import type { MemoryManager } from './memory-manager.js';
import { PAGE_SIZE } from './user-memory.js';
import { isPageAligned, pageUp, VM } from './vma.js';

export function residentPages(mm: MemoryManager, start: number, into: Uint8Array): Failure | undefined {
  const length = into.length * PAGE_SIZE;
  if (!mm.vmas.covers(start, start + length)) return fail(E.ENOMEM);
  const result = mm.space.resident(userAddr(start), length, into);
  return result < 0 ? fail(-result as Errno) : undefined;
}

export function syncRange(
  mm: MemoryManager,
  start: number,
  length: number,
  flags: number,
): Failure | undefined {
  if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) return fail(E.EINVAL);
  if (!isPageAligned(start)) return fail(E.EINVAL);
  if (flags & MS_ASYNC && flags & MS_SYNC) return fail(E.EINVAL);
  const end = start + pageUp(length);
  if (end > mm.layout.maxAddress) return fail(E.ENOMEM);
  if (end === start) return undefined;
  for (const vma of mm.vmas.overlapping(start, end)) {
    if (flags & MS_INVALIDATE && vma.flags & VM.LOCKED) return fail(E.EBUSY);
    if (!(flags & MS_SYNC) || !vma.file || !(vma.flags & VM.SHARED)) continue;
    const from = Math.max(start, vma.start);
    const result = mm.space.sync(userAddr(from), Math.min(end, vma.end) - from, MS_SYNC);
    if (result < 0) return fail(-result as Errno);
  }
  return firstHole(mm, start, end) < end ? fail(E.ENOMEM) : undefined;
}
