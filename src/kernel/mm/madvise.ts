/**
 * madvise(2). Linux: mm/madvise.c. What only concerns the books (DONTFORK, DONTDUMP…) or is a hint stays
 * here; what changes pages is handed to the host, range by range.
 *
 * Holes do not stop the walk, but end it with ENOMEM. MADV_MERGEABLE is EINVAL, as in a kernel without
 * KSM; guard pages (MADV_GUARD_*) came after the kernel we say we are.
 */
import { E, type Errno } from '../../abi/errno.js';
import {
  MADV_COLD,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_HWPOISON,
  MADV_KEEPONFORK,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_RANDOM,
  MADV_REMOVE,
  MADV_SEQUENTIAL,
  MADV_SOFT_OFFLINE,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
} from '../../abi/mman.js';
import { userAddr } from '../../base/brand.js';
import { CAP, has } from '../auth/credentials.js';
import { type Failure, fail } from '../outcome.js';
import type { MemoryCaller } from './accounting.js';
import type { MemoryManager } from './memory-manager.js';
import { isPageAligned, pageUp, VM, type Vma } from './vma.js';

export interface AdviseRequest {
  readonly start: number;
  readonly length: number;
  readonly advice: number;
}

/** What an advice does to one mapping. */
interface Rule {
  /** The errno when the advice does not fit the mapping. */
  readonly refuse?: (vma: Vma) => Errno | 0;
  /** Flags that it sets and clears in the books. */
  readonly set?: number;
  readonly clear?: number;
  /** Whether the host is told. */
  readonly host?: boolean;
}

const lockedIsInvalid = (vma: Vma): Errno | 0 => (vma.flags & VM.LOCKED ? E.EINVAL : 0);
const HUGE = VM.HUGEPAGE | VM.NOHUGEPAGE;
const READ_HINTS = VM.RAND_READ | VM.SEQ_READ;

const rules = new Map<number, Rule>([
  [MADV_NORMAL, { clear: READ_HINTS }],
  [MADV_RANDOM, { clear: READ_HINTS, set: VM.RAND_READ }],
  [MADV_SEQUENTIAL, { clear: READ_HINTS, set: VM.SEQ_READ }],
  [MADV_WILLNEED, { host: true }],
  [MADV_DONTNEED, { refuse: lockedIsInvalid, host: true }],
  [MADV_DONTNEED_LOCKED, { host: true }],
  [MADV_FREE, { refuse: (v) => (v.privateAnonymous ? lockedIsInvalid(v) : E.EINVAL), host: true }],
  [MADV_REMOVE, { refuse: refuseRemove, host: true }],
  [MADV_DONTFORK, { set: VM.DONTCOPY }],
  [MADV_DOFORK, { clear: VM.DONTCOPY }],
  [MADV_WIPEONFORK, { refuse: (v) => (v.privateAnonymous ? 0 : E.EINVAL), set: VM.WIPEONFORK }],
  [MADV_KEEPONFORK, { clear: VM.WIPEONFORK }],
  [MADV_DONTDUMP, { set: VM.DONTDUMP }],
  [MADV_DODUMP, { clear: VM.DONTDUMP }],
  [MADV_HUGEPAGE, { clear: HUGE, set: VM.HUGEPAGE, host: true }],
  [MADV_NOHUGEPAGE, { clear: HUGE, set: VM.NOHUGEPAGE, host: true }],
  [MADV_COLD, { refuse: lockedIsInvalid, host: true }],
  [MADV_PAGEOUT, { refuse: lockedIsInvalid, host: true }],
  [MADV_POPULATE_READ, { host: true }],
  [MADV_POPULATE_WRITE, { host: true }],
]);

/** These are hints to us: a host that does not know them changes nothing for the guest. */
const mayFailOnHost = new Set<number>([
  MADV_WILLNEED,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MADV_COLD,
  MADV_PAGEOUT,
]);

function refuseRemove(vma: Vma): Errno | 0 {
  if (vma.flags & VM.LOCKED || !vma.file) return E.EINVAL;
  return vma.flags & VM.SHARED && vma.flags & VM.WRITE ? 0 : E.EACCES;
}

export function advise(
  mm: MemoryManager,
  { start, length, advice }: AdviseRequest,
  caller: MemoryCaller,
): Failure | undefined {
  if (advice === MADV_HWPOISON || advice === MADV_SOFT_OFFLINE) {
    return fail(has(caller.creds, CAP.SYS_ADMIN) ? E.EINVAL : E.EPERM);
  }
  const rule = rules.get(advice);
  if (!rule || !isPageAligned(start)) return fail(E.EINVAL);
  const end = start + pageUp(length);
  if (end > Number.MAX_SAFE_INTEGER) return fail(E.EINVAL);
  if (end === start) return undefined;

  let at = start;
  let hole = false;
  for (const vma of mm.vmas.overlapping(start, end)) {
    hole ||= vma.start > at;
    const from = Math.max(vma.start, start);
    at = Math.min(vma.end, end);
    const errno = rule.refuse?.(vma) || applyRule(mm, rule, { start: from, length: at - from, advice });
    if (errno) return fail(errno as Errno);
  }
  return hole || at < end ? fail(E.ENOMEM) : undefined;
}

/** The errno, or 0. */
function applyRule(mm: MemoryManager, rule: Rule, { start, length, advice }: AdviseRequest): number {
  const { set = 0, clear = 0 } = rule;
  if (set || clear) {
    // madvise(2): EAGAIN, a kernel resource is not to be had; here, parts of a mapping that is cut.
    if (!mm.vmas.hasRoomFor(2)) return E.EAGAIN;
    mm.change(start, start + length, (vma) => {
      vma.flags = (vma.flags & ~clear) | set;
    });
  }
  if (!rule.host) return 0;
  const result = mm.space.advise(userAddr(start), length, advice);
  return result < 0 && !mayFailOnHost.has(advice) ? -result : 0;
}
