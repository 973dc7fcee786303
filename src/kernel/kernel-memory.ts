/**
 * The memory that the kernel's own objects take, which guests make as many of as they like: mappings, open
 * files, tables of descriptors. As Linux's kernel memory of a memory cgroup (mm/memcontrol.c): objects are
 * charged by their size, and a call that would exceed the limit fails (ENOMEM, ENFILE). Without it a guest
 * that forks with many mappings would use up the heap of the shard, which ends the kernel.
 *
 * Who makes objects asks `has` first and says no; `take` never fails, so that what cannot say no (an
 * execve past its point of no return) may go a little over. Owner: the shard.
 */
import { PerKernel } from './per-kernel.js';
import type { Machine } from './services.js';

/**
 * Bytes of heap for one object, rounded up from what heap snapshots and counting of many showed on 64-bit
 * V8: a Vma is 93 bytes with its place in the tree; a slot of a descriptor table 8, with close-on-exec 40;
 * an open file 1,000 in the mean over pipes, sockets, eventfds, memfds and files of tmpfs, with its inode; an
 * inode with its name 930 in a tmpfs and 1,250 in an overlay (100,000 empty files).
 */
export const COST = { mapping: 128, descriptor: 48, file: 1024, inode: 1280 } as const;

/** So much is given without asking for the limit, which costs a start of a sandbox some time to learn. */
export const UNASKED = 1 << 20;

export class KernelMemory {
  static readonly unsaved: readonly string[] = ['_limit'];
  private _used = 0;
  private _limit: number | undefined;

  constructor(
    private readonly _services: { readonly machine: Pick<Machine, 'kernelMemoryBytes'> } = { machine: {} },
  ) {}

  get used(): number {
    return this._used;
  }

  has(bytes: number): boolean {
    const after = this._used + bytes;
    if (after <= UNASKED) return true;
    this._limit ??= this._services.machine.kernelMemoryBytes ?? Number.POSITIVE_INFINITY;
    return after <= this._limit;
  }

  take(bytes: number): void {
    this._used += bytes;
  }

  give(bytes: number): void {
    this._used -= bytes;
  }
}

export const kernelMemory = new PerKernel('kernel-memory', (services) => new KernelMemory(services));
