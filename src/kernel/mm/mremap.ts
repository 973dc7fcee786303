/**
 * mremap(2). Linux: mm/mremap.c. The host moves the pages; it is asked first (and waited for), and the
 * books follow when it has agreed: what is one mapping here may be several to the host, which then
 * answers EFAULT.
 */
import { E } from '../../abi/errno.js';
import { MAP_FIXED, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from '../../abi/mman.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { Failure, fail } from '../outcome.js';
import type { MemoryCaller } from './accounting.js';
import type { MemoryManager } from './memory-manager.js';
import { place } from './placement.js';
import { PAGE_SIZE } from './user-memory.js';
import { isPageAligned, pageUp, VM, Vma } from './vma.js';

export interface MremapRequest {
  readonly addr: number;
  readonly oldLength: number;
  readonly newLength: number;
  /** MREMAP_* bits. */
  readonly flags: number;
  /** Where to, with MREMAP_FIXED; a hint with MREMAP_DONTUNMAP. */
  readonly newAddr: number;
}

export function remap(mm: MemoryManager, request: MremapRequest, caller: MemoryCaller): UserAddr | Failure {
  const { addr, flags } = request;
  if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) return fail(E.EINVAL);
  if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE)) return fail(E.EINVAL);
  if (flags & MREMAP_DONTUNMAP && request.oldLength !== request.newLength) return fail(E.EINVAL);
  if (!isPageAligned(addr)) return fail(E.EINVAL);
  const oldLength = pageUp(request.oldLength);
  const newLength = pageUp(request.newLength);
  if (newLength === 0) return fail(E.EINVAL);
  const vma = mm.vmas.find(addr);
  if (!vma) return fail(E.EFAULT);
  const aligned: MremapRequest = { ...request, oldLength, newLength };
  if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) return moveTo(mm, aligned, caller);
  if (oldLength >= newLength && oldLength > 0) {
    if (oldLength > newLength) mm.munmap(addr + newLength, Math.min(addr + oldLength, mm.layout.maxAddress));
    return userAddr(addr);
  }
  const refused = mayResize(mm, vma, aligned, caller);
  if (refused) return refused;
  if (oldLength === vma.end - addr && oldLength > 0 && canExpand(mm, vma, newLength - oldLength)) {
    return expand(mm, vma, aligned);
  }
  if (!(flags & MREMAP_MAYMOVE)) return fail(E.ENOMEM);
  const to = place(mm.vmas, mm.layout, { addr: 0, length: newLength, flags: 0 });
  return to instanceof Failure ? to : move(mm, vma, aligned, to);
}

/** MREMAP_FIXED and MREMAP_DONTUNMAP. Linux: mremap_to. */
function moveTo(mm: MemoryManager, request: MremapRequest, caller: MemoryCaller): UserAddr | Failure {
  const { addr, newAddr, newLength, flags } = request;
  let { oldLength } = request;
  if (!isPageAligned(newAddr)) return fail(E.EINVAL);
  const limit = mm.layout.maxAddress;
  if (newLength > limit || newAddr > limit - newLength) return fail(E.EINVAL);
  if (addr + oldLength > newAddr && newAddr + newLength > addr) return fail(E.EINVAL);
  if (!mm.vmas.hasRoomFor(3)) return fail(E.ENOMEM);
  if (flags & MREMAP_FIXED) {
    if (newAddr < mm.layout.minAddress) return fail(E.EPERM);
    mm.munmap(newAddr, newAddr + newLength);
  }
  if (oldLength > newLength) {
    mm.munmap(addr + newLength, Math.min(addr + oldLength, limit));
    oldLength = newLength;
  }
  const vma = mm.vmas.find(addr);
  if (!vma) return fail(E.EFAULT);
  const refused = mayResize(mm, vma, { ...request, oldLength }, caller);
  if (refused) return refused;
  if (flags & MREMAP_DONTUNMAP && !mm.usage.mayExpand(caller.limits, vma.flags, oldLength / PAGE_SIZE)) {
    return fail(E.ENOMEM);
  }
  const to = place(mm.vmas, mm.layout, {
    addr: newAddr,
    length: newLength,
    flags: flags & MREMAP_FIXED ? MAP_FIXED : 0,
  });
  return to instanceof Failure ? to : move(mm, vma, { ...request, oldLength }, to);
}

/** Linux: vma_to_resize. */
function mayResize(
  mm: MemoryManager,
  vma: Vma,
  { addr, oldLength, newLength }: MremapRequest,
  caller: MemoryCaller,
): Failure | undefined {
  // An old size of zero makes a second mapping of the same shared pages.
  if (oldLength === 0 && !vma.shared) return fail(E.EINVAL);
  if (oldLength > vma.end - addr) return fail(E.EFAULT);
  if (newLength <= oldLength) return undefined;
  if (newLength > mm.layout.maxAddress) return fail(E.ENOMEM);
  if (vma.file && vma.offsetAt(addr) + newLength > Number.MAX_SAFE_INTEGER) return fail(E.EINVAL);
  const pages = (newLength - oldLength) / PAGE_SIZE;
  if (vma.flags & VM.LOCKED && !mm.usage.mayLock(caller, pages)) return fail(E.EAGAIN);
  if (!mm.usage.mayExpand(caller.limits, vma.flags, pages)) return fail(E.ENOMEM);
  return vma.flags & VM.ACCOUNT && !mm.usage.mayCommit(pages) ? fail(E.ENOMEM) : undefined;
}

function canExpand(mm: MemoryManager, vma: Vma, by: number): boolean {
  const end = vma.end + by;
  return end <= mm.layout.maxAddress && !mm.vmas.overlaps(vma.end, end);
}

function expand(mm: MemoryManager, vma: Vma, request: MremapRequest): UserAddr | Failure {
  const { addr, oldLength, newLength } = request;
  mm.space.remap(userAddr(addr), oldLength, userAddr(addr), newLength);
  const refused = mm.flush();
  if (refused) return refused;
  const { flags, file, name } = vma;
  const [start, end] = [addr + oldLength, addr + newLength];
  mm.add(new Vma({ start, end, flags, name, file: file?.retain(), offset: vma.offsetAt(start) }));
  return userAddr(addr);
}

function move(mm: MemoryManager, vma: Vma, request: MremapRequest, to: number): UserAddr | Failure {
  const { addr, oldLength, newLength, flags: how } = request;
  if (!mm.vmas.hasRoomFor(3)) return fail(E.ENOMEM);
  const { flags, name } = vma;
  const offset = vma.offsetAt(addr);
  const file = vma.file?.retain();
  const moved = new Vma({ start: to, end: to + newLength, flags, name, file, offset });
  const failed = oldLength === 0 ? mapAgain(mm, moved) : moveOnHost(mm, request, to);
  if (failed) {
    file?.release();
    return failed;
  }
  if (oldLength > 0) mm.drop(addr, addr + oldLength);
  mm.add(moved);
  if (how & MREMAP_DONTUNMAP) {
    // The pages have gone; what is left is as if freshly mapped.
    const left = new Vma({ start: addr, end: addr + oldLength, flags, name, file: file?.retain(), offset });
    const refused = mapAgain(mm, left);
    if (refused) file?.release();
    else mm.add(left);
  }
  return userAddr(to);
}

function moveOnHost(mm: MemoryManager, request: MremapRequest, to: number): Failure | undefined {
  mm.space.remap(userAddr(request.addr), request.oldLength, userAddr(to), request.newLength);
  return mm.flush();
}

/** Maps what `vma` says at its place, as mmap would. */
function mapAgain(mm: MemoryManager, vma: Vma): Failure | undefined {
  return mm.mapOnHost(vma) ?? (vma.file ? mm.flush() : undefined);
}
