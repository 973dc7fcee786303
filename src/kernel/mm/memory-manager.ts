/**
 * The memory of a process: Linux's struct mm_struct. Keeps the mappings, the limits and the facts that
 * /proc tells; the operations of mmap(2), mremap(2) and so on are one file each beside this one.
 *
 * Page faults, copy on write and zero fill are the host's: here is only what is mapped where. Changes
 * of the AddressSpace are queued and carried out when the guest goes on, so mapping fresh memory costs
 * no round trip. That is safe because the host is never asked for what it may refuse in earnest: all
 * is mapped without reserving swap (we account ourselves), and a host that fails nevertheless ends
 * the guest (GuestBroken). Operations a host may well refuse (executable or shared mappings of files,
 * mremap) are flushed, and their errno becomes the guest's.
 *
 * Owner: the tasks that share it (CLONE_VM), counted; the last one releases the address space.
 */
import type { Errno } from '../../abi/errno.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { type AddressSpace, HostRefused } from '../../platform/platform.js';
import type { VfsPath } from '../fs/path.js';
import { kernelMemory } from '../kernel-memory.js';
import { Failure, fail } from '../outcome.js';
import type { KernelServices } from '../services.js';
import { type MemoryCaller, MemoryUsage } from './accounting.js';
import { setBrk } from './brk.js';
import { growDown } from './grow.js';
import { type Layout, type LayoutOptions, newLayout } from './layout.js';
import { lockAll, lockRange, unlockAll, unlockRange } from './lock.js';
import { advise } from './madvise.js';
import { type MmapRequest, mapMemory } from './mmap.js';
import { protect } from './mprotect.js';
import { type MremapRequest, remap } from './mremap.js';
import { residentPages, syncRange } from './residency.js';
import { PAGE_SIZE, UserMemory } from './user-memory.js';
import { VM, Vma } from './vma.js';
import { VmaTree } from './vma-tree.js';

/** What exec(2) laid out, as /proc/pid/{stat,cmdline,environ,auxv,exe} tell it. */
export interface ImageFacts {
  codeStart: number;
  codeEnd: number;
  dataStart: number;
  dataEnd: number;
  stackStart: number;
  argStart: number;
  argEnd: number;
  envStart: number;
  envEnd: number;
  auxv: Uint8Array;
  exe: VfsPath | undefined;
}

export class MemoryManager {
  /** Of the host: see kernel/save/memory.ts. */
  static readonly unsaved = ['space', 'memory'];
  readonly vmas: VmaTree;
  memory: UserMemory;
  readonly usage: MemoryUsage;
  /** The heap, brk(2): where it starts and where it ends now. */
  brkStart = 0;
  brkEnd = 0;
  /** VM.LOCKED and VM.LOCKONFAULT of mappings to come: mlockall(MCL_FUTURE). */
  futureFlags = 0;
  image: ImageFacts = {
    codeStart: 0,
    codeEnd: 0,
    dataStart: 0,
    dataEnd: 0,
    stackStart: 0,
    argStart: 0,
    argEnd: 0,
    envStart: 0,
    envEnd: 0,
    auxv: new Uint8Array(0),
    exe: undefined,
  };
  private _references = 1;

  constructor(
    readonly services: KernelServices,
    public space: AddressSpace,
    readonly layout: Layout,
  ) {
    this.memory = new UserMemory(space, layout.maxAddress, services.platform.vdso);
    this.vmas = new VmaTree(kernelMemory.of(services));
    this.usage = new MemoryUsage(Math.floor(services.machine.memoryBytes / PAGE_SIZE));
  }

  /** An empty address space. */
  static create(services: KernelServices, options: LayoutOptions): MemoryManager {
    const layout = newLayout(services.platform, services.random, options);
    return new MemoryManager(services, services.platform.createAddressSpace(), layout);
  }

  mmap(request: MmapRequest, caller: MemoryCaller): UserAddr | Failure {
    return mapMemory(this, request, caller);
  }

  /** `start` and `end` are page-aligned and within the guest's range. */
  munmap(start: number, end: number): void {
    const gone = this.vmas.remove(start, end);
    const [first, last] = [gone[0], gone.at(-1)];
    if (!first || !last) return;
    this.space.unmap(userAddr(first.start), last.end - first.start);
    this._forget(gone);
  }

  mprotect(start: number, length: number, prot: number, caller: MemoryCaller): Failure | undefined {
    return protect(this, { start, length, prot }, caller);
  }

  mremap(request: MremapRequest, caller: MemoryCaller): UserAddr | Failure {
    return remap(this, request, caller);
  }

  /** The end of the heap afterwards; the old one when it cannot be moved to `end`. */
  brk(end: number, caller: MemoryCaller): number {
    return setBrk(this, end, caller);
  }

  madvise(start: number, length: number, advice: number, caller: MemoryCaller): Failure | undefined {
    return advise(this, { start, length, advice }, caller);
  }

  /** One byte a page into `into`; `start` is page-aligned. */
  mincore(start: number, into: Uint8Array): Failure | undefined {
    return residentPages(this, start, into);
  }

  msync(start: number, length: number, flags: number): Failure | undefined {
    return syncRange(this, start, length, flags);
  }

  mlock(start: number, length: number, flags: number, caller: MemoryCaller): Failure | undefined {
    return lockRange(this, { start, length, flags }, caller);
  }

  munlock(start: number, length: number): Failure | undefined {
    return unlockRange(this, start, length);
  }

  mlockall(flags: number, caller: MemoryCaller): Failure | undefined {
    return lockAll(this, flags, caller);
  }

  munlockall(): void {
    unlockAll(this);
  }

  /**
   * A fault at `addr`, where nothing is mapped: true when a stack (MAP_GROWSDOWN) above it has been
   * grown to hold it, so that the guest may try again. To be asked before SIGSEGV is sent.
   */
  growStack(addr: number, caller: MemoryCaller): boolean {
    return growDown(this, addr, caller);
  }

  /** Names anonymous memory: prctl(PR_SET_VMA_ANON_NAME). The range is page-aligned. */
  setAnonymousName(start: number, end: number, name: string): void {
    this.vmas.change(start, end, (vma) => {
      if (vma.privateAnonymous && vma.name !== '[stack]') vma.name = name === '' ? '' : `[anon:${name}]`;
    });
  }

  /** What a shared mapping at `addr` shows: the same for all who map it. Keys of shared futexes. */
  sharedAt(addr: number): { readonly object: object; readonly offset: number } | undefined {
    const vma = this.vmas.find(addr);
    return vma?.shared && vma.file ? { object: vma.file.inode, offset: vma.offsetAt(addr) } : undefined;
  }

  /** Nobody else needs it as it is, and the host process can serve another program. */
  get renewable(): boolean {
    return !this.shared && this.space.reusable;
  }

  /** The same address space, emptied for another program; ours is over then. */
  renewed(options: LayoutOptions): MemoryManager {
    const { services, space } = this;
    space.clear();
    this.drop(0, this.layout.maxAddress);
    const layout = newLayout(services.platform, services.random, options);
    return new MemoryManager(services, space, layout);
  }

  /** Memory that was saved gets an address space of this host; what is mapped there is for the caller to make. */
  attach(space: AddressSpace): void {
    this.space = space;
    this.memory = new UserMemory(space, this.layout.maxAddress);
  }

  /** The same memory in `space`, which is a copy of ours: fork(2). */
  fork(space: AddressSpace): MemoryManager {
    const child = new MemoryManager(this.services, space, this.layout);
    for (const vma of this.vmas) child._inherit(vma);
    child.brkStart = this.brkStart;
    child.brkEnd = this.brkEnd;
    child.image = { ...this.image };
    return child;
  }

  private _inherit(vma: Vma): void {
    const { start, end, name, file, offset } = vma;
    if (vma.flags & VM.DONTCOPY) {
      this.space.unmap(userAddr(start), end - start);
      return;
    }
    if (vma.flags & VM.WIPEONFORK) this.mapOnHost(vma);
    const flags = vma.flags & ~(VM.LOCKED | VM.LOCKONFAULT);
    this.add(new Vma({ start, end, flags, name, file: file?.retain(), offset }));
  }

  /** Enters a mapping into the books, with its reference; its range is free. */
  add(vma: Vma): Vma {
    this.usage.add(vma);
    return this.vmas.insert(vma);
  }

  /** Strikes a range from the books: the caller knows that the host has nothing there any more. */
  drop(start: number, end: number): void {
    this._forget(this.vmas.remove(start, end));
  }

  /** Changes mappings of a range in the books. */
  change(start: number, end: number, edit: (vma: Vma) => void): void {
    this.vmas.change(start, end, (vma) => {
      this.usage.subtract(vma);
      edit(vma);
      this.usage.add(vma);
    });
  }

  /**
   * Queues the mapping `vma` describes, replacing what is there. Only a mapping of a file can fail: the
   * host may have to be handed its descriptor first.
   */
  mapOnHost(vma: Vma, options: { readonly populate?: boolean } = {}): Failure | undefined {
    const { start, length, prot, shared, file, offset } = vma;
    const mapped = file?.mappable({ shared, write: shared && (vma.flags & VM.MAYWRITE) !== 0 });
    if (mapped instanceof Failure) return mapped;
    const what = { addr: userAddr(start), length, prot, shared, noReserve: true, ...options };
    try {
      this.space.map(mapped ? { ...what, file: { fd: mapped.fd, offset: mapped.base + offset } } : what);
    } catch (e) {
      if (e instanceof HostRefused) return fail(e.errno as Errno);
      throw e;
    }
    return undefined;
  }

  /** Carries out what is queued; the host's refusal as a failure. */
  flush(): Failure | undefined {
    const result = this.space.flush();
    return result < 0 ? fail(-result as Errno) : undefined;
  }

  private _forget(gone: Vma[]): void {
    for (const vma of gone) {
      this.usage.subtract(vma);
      vma.file?.release();
    }
  }

  /** How many tasks have it. */
  get sharers(): number {
    return this._references;
  }

  /** Whether more than one task uses this memory. */
  get shared(): boolean {
    return this._references > 1;
  }

  /** One more task uses this memory. */
  retain(): this {
    this._references++;
    return this;
  }

  release(): void {
    if (--this._references > 0) return;
    // The host process goes first: a file must not be closed while it is mapped for somebody.
    this.space.release();
    this.drop(0, this.layout.maxAddress);
  }
}
