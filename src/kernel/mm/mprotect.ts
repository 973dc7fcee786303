/**
 * mprotect(2). Linux: do_mprotect_pkey and mprotect_fixup (mm/mprotect.c). What comes before a hole or a
 * refusal stays changed, as there.
 */
import { E } from '../../abi/errno.js';
import { PROT_EXEC, PROT_GROWSDOWN, PROT_GROWSUP, PROT_READ, PROT_SEM, PROT_WRITE } from '../../abi/mman.js';
import { userAddr } from '../../base/brand.js';
import { type Failure, fail } from '../outcome.js';
import { isAccountable, type MemoryCaller } from './accounting.js';
import type { MemoryManager } from './memory-manager.js';
import { PAGE_SIZE } from './user-memory.js';
import { isPageAligned, pageUp, VM, VM_ACCESS, type Vma } from './vma.js';

export interface ProtectRequest {
  readonly start: number;
  readonly length: number;
  readonly prot: number;
}

export function protect(
  mm: MemoryManager,
  { start, length, prot }: ProtectRequest,
  caller: MemoryCaller,
): Failure | undefined {
  const grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
  if (grows === (PROT_GROWSDOWN | PROT_GROWSUP)) return fail(E.EINVAL);
  if (!isPageAligned(start)) return fail(E.EINVAL);
  if (length === 0) return undefined;
  const end = start + pageUp(length);
  if (end > Number.MAX_SAFE_INTEGER) return fail(E.ENOMEM);
  if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | grows)) return fail(E.EINVAL);
  const first = mm.vmas.findFrom(start);
  if (!first) return fail(E.ENOMEM);
  // No mapping grows upwards on x86-64.
  if (grows === PROT_GROWSUP) return fail(E.EINVAL);
  if (grows === PROT_GROWSDOWN) {
    if (first.start >= end) return fail(E.ENOMEM);
    return first.flags & VM.GROWSDOWN ? change(mm, first.start, end, prot, caller) : fail(E.EINVAL);
  }
  return first.start > start ? fail(E.ENOMEM) : change(mm, start, end, prot, caller);
}

/** Changes from `start` on, up to `end` or the first mapping that may not be changed. */
function change(
  mm: MemoryManager,
  start: number,
  end: number,
  prot: number,
  caller: MemoryCaller,
): Failure | undefined {
  const access = prot & VM_ACCESS;
  let at = start;
  let refused: Failure | undefined;
  let asksHost = false;
  for (const vma of mm.vmas.overlapping(start, end)) {
    if (vma.start > at) break;
    const stop = Math.min(vma.end, end);
    refused = mayChange(mm, vma, access, (stop - at) / PAGE_SIZE, caller);
    if (refused) break;
    asksHost ||= vma.file !== undefined && (access & ~vma.flags & VM.EXEC) !== 0;
    setAccess(mm, at, stop, access);
    at = stop;
  }
  if (at > start) {
    mm.space.protect(userAddr(start), at - start, access);
    // The host may forbid executing a file of its own (a mount with noexec).
    if (asksHost) refused ??= mm.flush();
  }
  return refused ?? (at < end ? fail(E.ENOMEM) : undefined);
}

function mayChange(
  mm: MemoryManager,
  vma: Vma,
  access: number,
  pages: number,
  { limits }: MemoryCaller,
): Failure | undefined {
  const flags = (vma.flags & ~VM_ACCESS) | access;
  if (access & ~(vma.flags >> 4)) return fail(E.EACCES);
  if (flags === vma.flags) return undefined;
  if (!mm.vmas.hasRoomFor(2)) return fail(E.ENOMEM);
  if (!(access & VM.WRITE) || vma.flags & VM.WRITE) return undefined;
  // It becomes data, which RLIMIT_DATA counts.
  const { usage } = mm;
  if (!usage.mayExpand(limits, flags, pages) && usage.mayExpand(limits, vma.flags, pages))
    return fail(E.ENOMEM);
  const charge = isAccountable(flags) && !(vma.flags & VM.ACCOUNT);
  return charge && !usage.mayCommit(pages) ? fail(E.ENOMEM) : undefined;
}

function setAccess(mm: MemoryManager, start: number, end: number, access: number): void {
  mm.change(start, end, (vma) => {
    const flags = (vma.flags & ~VM_ACCESS) | access;
    vma.flags = isAccountable(flags) ? flags | VM.ACCOUNT : flags;
  });
}
