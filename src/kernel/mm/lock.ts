/**
 * mlock(2), mlock2(2), mlockall(2), munlock(2). Linux: mm/mlock.c.
 *
 * Locked memory is marked, counted against RLIMIT_MEMLOCK and faulted in, but not pinned: whether
 * the host may swap it out is the host's affair.
 */
import { E } from '../../abi/errno.js';
import { MADV_POPULATE_READ, MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT, MLOCK_ONFAULT } from '../../abi/mman.js';
import { RLIMIT } from '../../abi/resource.js';
import { userAddr } from '../../base/brand.js';
import { CAP, has } from '../auth/credentials.js';
import { type Failure, fail } from '../outcome.js';
import { type MemoryCaller, mayLockAtAll } from './accounting.js';
import type { MemoryManager } from './memory-manager.js';
import { PAGE_SIZE } from './user-memory.js';
import { pageDown, pageUp, VM } from './vma.js';

const LOCK_MASK = VM.LOCKED | VM.LOCKONFAULT;

export interface LockRequest {
  readonly start: number;
  readonly length: number;
  /** MLOCK_* bits. */
  readonly flags: number;
}

export function lockRange(
  mm: MemoryManager,
  request: LockRequest,
  caller: MemoryCaller,
): Failure | undefined {
  if (request.flags & ~MLOCK_ONFAULT) return fail(E.EINVAL);
  if (!mayLockAtAll(caller)) return fail(E.EPERM);
  const start = pageDown(request.start);
  const end = pageUp(request.start + request.length);
  let fresh = 0;
  for (const vma of mm.vmas.overlapping(start, end)) {
    if (!(vma.flags & VM.LOCKED)) fresh += Math.min(vma.end, end) - Math.max(vma.start, start);
  }
  if (!mm.usage.mayLock(caller, fresh / PAGE_SIZE)) return fail(E.ENOMEM);
  const lock = request.flags & MLOCK_ONFAULT ? LOCK_MASK : VM.LOCKED;
  return mark(mm, start, end, lock);
}

export function unlockRange(mm: MemoryManager, start: number, length: number): Failure | undefined {
  return mark(mm, pageDown(start), pageUp(start + length), 0);
}

function mark(mm: MemoryManager, start: number, end: number, lock: number): Failure | undefined {
  if (end > mm.layout.maxAddress) return fail(E.ENOMEM);
  if (start === end) return undefined;
  const first = mm.vmas.findFrom(start);
  if (!first || first.start > start) return fail(E.ENOMEM);
  if (!mm.vmas.hasRoomFor(2)) return fail(E.ENOMEM);
  const hole = firstHole(mm, start, end);
  mm.change(start, hole, (vma) => {
    vma.flags = (vma.flags & ~LOCK_MASK) | lock;
  });
  if (lock === VM.LOCKED) mm.space.advise(userAddr(start), hole - start, MADV_POPULATE_READ);
  return hole < end ? fail(E.ENOMEM) : undefined;
}

/** The first address from `start` where nothing is mapped, at most `end`. */
export function firstHole(mm: MemoryManager, start: number, end: number): number {
  let at = start;
  for (const vma of mm.vmas.overlapping(start, end)) {
    if (vma.start > at) return at;
    at = vma.end;
  }
  return Math.min(at, end);
}

export function lockAll(mm: MemoryManager, flags: number, caller: MemoryCaller): Failure | undefined {
  if (flags === 0 || flags === MCL_ONFAULT || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) {
    return fail(E.EINVAL);
  }
  if (!mayLockAtAll(caller)) return fail(E.EPERM);
  const limit = caller.limits.number(RLIMIT.MEMLOCK);
  const tooMuch = mm.usage.total * PAGE_SIZE > limit && !has(caller.creds, CAP.IPC_LOCK);
  if (flags & MCL_CURRENT && tooMuch) return fail(E.ENOMEM);
  const lock = flags & MCL_ONFAULT ? LOCK_MASK : VM.LOCKED;
  mm.futureFlags = flags & MCL_FUTURE ? lock : 0;
  if (flags & MCL_CURRENT) relock(mm, lock);
  return undefined;
}

export function unlockAll(mm: MemoryManager): void {
  mm.futureFlags = 0;
  relock(mm, 0);
}

function relock(mm: MemoryManager, lock: number): void {
  mm.change(0, mm.layout.maxAddress, (vma) => {
    vma.flags = (vma.flags & ~LOCK_MASK) | lock;
  });
}
