/**
 * How much an address space maps, and what it may still map: RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK of
 * getrlimit(2) and the memory of the machine. Linux: may_expand_vm, vm_stat_account,
 * security_vm_enough_memory_mm (mm/mmap.c).
 *
 * Commit rule: an address space may have at most the machine's memory of private writable mappings,
 * so that a greedy program gets ENOMEM instead of being killed. MAP_NORESERVE and thread stacks
 * (MAP_STACK), which are mostly never touched, do not count. Owner: one MemoryManager.
 */
import { RLIMIT } from '../../abi/resource.js';
import { CAP, type Credentials, has } from '../auth/credentials.js';
import { PAGE_SIZE } from './user-memory.js';
import { VM, type Vma } from './vma.js';

/** The soft limit of a resource; Infinity when there is none. ResourceLimits is one. */
export interface SoftLimits {
  number(resource: number): number;
}

/** On whose behalf memory is mapped. */
export interface MemoryCaller {
  readonly limits: SoftLimits;
  readonly creds: Credentials;
}

export class MemoryUsage {
  /** All in pages, as in /proc/pid/statm and status. */
  total = 0;
  data = 0;
  stack = 0;
  exec = 0;
  locked = 0;
  committed = 0;
  /** VmPeak */
  peak = 0;

  constructor(readonly machinePages: number) {}

  add(vma: Vma): void {
    this._count(vma, vma.pages);
    this.peak = Math.max(this.peak, this.total);
  }

  subtract(vma: Vma): void {
    this._count(vma, -vma.pages);
  }

  private _count({ flags }: Vma, pages: number): void {
    this.total += pages;
    if (isData(flags)) this.data += pages;
    if (flags & VM.GROWSDOWN) this.stack += pages;
    else if ((flags & (VM.EXEC | VM.WRITE)) === VM.EXEC) this.exec += pages;
    if (flags & VM.LOCKED) this.locked += pages;
    if (flags & VM.ACCOUNT) this.committed += pages;
  }

  /** Whether `pages` more with these flags stay within the limits. */
  mayExpand(limits: SoftLimits, flags: number, pages: number): boolean {
    if ((this.total + pages) * PAGE_SIZE > limits.number(RLIMIT.AS)) return false;
    return !isData(flags) || (this.data + pages) * PAGE_SIZE <= limits.number(RLIMIT.DATA);
  }

  /** Whether the machine has room for `pages` more of private writable memory. */
  mayCommit(pages: number): boolean {
    return this.committed + pages <= this.machinePages;
  }

  mayLock(caller: MemoryCaller, pages: number): boolean {
    if (has(caller.creds, CAP.IPC_LOCK)) return true;
    return (this.locked + pages) * PAGE_SIZE <= caller.limits.number(RLIMIT.MEMLOCK);
  }
}

/** can_do_mlock */
export function mayLockAtAll({ creds, limits }: MemoryCaller): boolean {
  return limits.number(RLIMIT.MEMLOCK) !== 0 || has(creds, CAP.IPC_LOCK);
}

function isData(flags: number): boolean {
  return (flags & (VM.WRITE | VM.SHARED | VM.GROWSDOWN)) === VM.WRITE;
}

/** Whether a mapping with these flags counts against the machine's memory (Linux: accountable_mapping). */
export function isAccountable(flags: number): boolean {
  return (flags & (VM.NORESERVE | VM.SHARED | VM.WRITE)) === VM.WRITE;
}
