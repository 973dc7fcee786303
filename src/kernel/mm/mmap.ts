/**
 * mmap(2). Linux: do_mmap and mmap_region (mm/mmap.c), whose order of checks this follows.
 */
import { E } from '../../abi/errno.js';
import {
  MAP_ABOVE4G,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_STACK,
  MAP_TYPE,
  mapFlags,
  PROT_EXEC,
  PROT_WRITE,
} from '../../abi/mman.js';
import { MS_NOEXEC } from '../../abi/mount.js';
import { O_ACCMODE, O_RDONLY, O_RDWR, O_WRONLY } from '../../abi/open.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import type { FileDescription } from '../fs/file-description.js';
import { Failure, fail } from '../outcome.js';
import { isAccountable, type MemoryCaller, mayLockAtAll } from './accounting.js';
import type { MemoryManager } from './memory-manager.js';
import { place } from './placement.js';
import { SHARED_ANONYMOUS_NAME, SharedAnonymous } from './shared-anonymous.js';
import { PAGE_SIZE } from './user-memory.js';
import { pageUp, VM, VM_ACCESS, Vma } from './vma.js';

export interface MmapRequest {
  readonly addr: number;
  readonly length: number;
  readonly prot: number;
  /** MAP_* bits; MAP_ANONYMOUS exactly when there is no file. */
  readonly flags: number;
  /** Not taken over: the mapping takes a reference of its own. */
  readonly file?: FileDescription;
  /** In the file; page-aligned. */
  readonly offset?: number;
  /** For the kernel's own mappings: what /proc/pid/maps calls it. */
  readonly name?: string;
  readonly alignment?: number;
  /** The caller flushes, and looks at the result. */
  readonly deferred?: boolean;
}

const KNOWN_FLAGS = Object.values(mapFlags).reduce((all: number, flag) => all | flag, 0) | MAP_ABOVE4G;
const MAX_OFFSET = Number.MAX_SAFE_INTEGER;

export function mapMemory(mm: MemoryManager, request: MmapRequest, caller: MemoryCaller): UserAddr | Failure {
  if (request.length === 0) return fail(E.EINVAL);
  const length = pageUp(request.length);
  if (length > mm.layout.maxAddress) return fail(E.ENOMEM);
  if ((request.offset ?? 0) + length > MAX_OFFSET) return fail(E.EOVERFLOW);
  if (!mm.vmas.hasRoomFor(1)) return fail(E.ENOMEM);
  // No huge pages have been set aside, as on a machine whose nr_hugepages is 0.
  if (request.flags & MAP_HUGETLB && request.flags & MAP_ANONYMOUS) return fail(E.ENOMEM);

  const addr = place(mm.vmas, mm.layout, { ...request, length });
  if (addr instanceof Failure) return addr;

  let flags = baseFlags(mm, request);
  if (flags & VM.LOCKED) {
    if (request.flags & MAP_LOCKED && !mayLockAtAll(caller)) return fail(E.EPERM);
    if (!mm.usage.mayLock(caller, length / PAGE_SIZE)) return fail(E.EAGAIN);
  }
  const typed = request.file ? fileFlags(request.file, request, flags) : anonymousFlags(request, flags);
  if (typed instanceof Failure) return typed;
  flags = typed;

  const pages = length / PAGE_SIZE;
  const replaced = request.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) ? pagesIn(mm, addr, length) : 0;
  if (!mm.usage.mayExpand(caller.limits, flags, pages - replaced)) return fail(E.ENOMEM);
  if (isAccountable(flags)) {
    if (!mm.usage.mayCommit(pages)) return fail(E.ENOMEM);
    flags |= VM.ACCOUNT;
  }
  return enter(mm, request, { addr, length, flags });
}

function baseFlags(mm: MemoryManager, request: MmapRequest): number {
  let flags = (request.prot & VM_ACCESS) | VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC | mm.futureFlags;
  if (request.flags & MAP_GROWSDOWN) flags |= VM.GROWSDOWN;
  if (request.flags & MAP_LOCKED) flags |= VM.LOCKED;
  // Thread stacks are mostly never touched: see accounting.ts.
  if (request.flags & (MAP_NORESERVE | MAP_STACK)) flags |= VM.NORESERVE;
  return flags;
}

function anonymousFlags(request: MmapRequest, flags: number): number | Failure {
  switch (request.flags & MAP_TYPE) {
    case MAP_SHARED:
      return request.flags & MAP_GROWSDOWN ? fail(E.EINVAL) : flags | VM.SHARED | VM.MAYSHARE;
    case MAP_PRIVATE:
      return flags;
    default:
      return fail(E.EINVAL);
  }
}

function fileFlags(file: FileDescription, request: MmapRequest, base: number): number | Failure {
  let flags = base;
  const access = file.flags & O_ACCMODE;
  const writable = access === O_WRONLY || access === O_RDWR;
  switch (request.flags & MAP_TYPE) {
    case MAP_SHARED_VALIDATE:
      if (request.flags & ~KNOWN_FLAGS) return fail(E.EOPNOTSUPP);
      break;
    case MAP_SHARED:
    case MAP_PRIVATE:
      break;
    default:
      return fail(E.EINVAL);
  }
  if ((request.flags & MAP_TYPE) !== MAP_PRIVATE) {
    if (request.prot & PROT_WRITE && !writable) return fail(E.EACCES);
    flags |= VM.SHARED | VM.MAYSHARE;
    if (!writable) flags &= ~(VM.MAYWRITE | VM.SHARED);
  }
  if (access !== O_RDONLY && access !== O_RDWR) return fail(E.EACCES);
  if (file.path && file.path.mount.flags & MS_NOEXEC) {
    if (request.prot & PROT_EXEC) return fail(E.EPERM);
    flags &= ~VM.MAYEXEC;
  }
  return request.flags & MAP_GROWSDOWN ? fail(E.EINVAL) : flags;
}

interface Placed {
  readonly addr: number;
  readonly length: number;
  readonly flags: number;
}

/** Everything is allowed: makes the mapping. */
function enter(mm: MemoryManager, request: MmapRequest, placed: Placed): UserAddr | Failure {
  const { addr, length, flags } = placed;
  const backing = backingFile(mm, request, length, flags);
  if (backing instanceof Failure) return backing;
  const offset = request.file ? (request.offset ?? 0) : 0;
  const name = request.name ?? (backing && !request.file ? SHARED_ANONYMOUS_NAME : '');
  const vma = new Vma({ start: addr, end: addr + length, flags, file: backing, offset, name });
  const cannot = mm.mapOnHost(vma, { populate: wantsPages(request.flags, flags) });
  if (cannot) {
    backing?.release();
    return cannot;
  }
  // What was there is replaced by the host in the same step.
  mm.drop(addr, addr + length);
  mm.add(vma);
  if (backing && !request.deferred && flags & (VM.MAYSHARE | VM.EXEC)) {
    const refused = mm.flush();
    if (refused) {
      mm.munmap(addr, addr + length);
      return refused;
    }
  }
  return userAddr(addr);
}

/** The description behind the mapping, with a reference for it. */
function backingFile(
  mm: MemoryManager,
  request: MmapRequest,
  length: number,
  flags: number,
): FileDescription | Failure | undefined {
  if (request.file) return request.file.retain();
  return flags & VM.MAYSHARE ? SharedAnonymous.create(mm.services, length) : undefined;
}

function wantsPages(asked: number, flags: number): boolean {
  return (asked & (MAP_POPULATE | MAP_NONBLOCK)) === MAP_POPULATE || (flags & VM.LOCKED) !== 0;
}

function pagesIn(mm: MemoryManager, start: number, length: number): number {
  const end = start + length;
  let bytes = 0;
  for (const vma of mm.vmas.overlapping(start, end)) {
    bytes += Math.min(vma.end, end) - Math.max(vma.start, start);
  }
  return bytes / PAGE_SIZE;
}
