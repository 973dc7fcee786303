/**
 * The mappings of an address space in order of address: Linux's maple tree of VMAs (mm/vma.c).
 *
 * A sorted array with binary search: finding is O(log n); inserting moves a few kilobytes at most, as
 * there are never more than MAX_MAP_COUNT mappings, which is faster than any balanced tree in JS.
 * Invariants: no overlaps, no empty mapping, neighbours that can merge have merged. References to
 * files move with the mappings: split takes one more, merge gives one up, `remove` hands them to the
 * caller.
 */
import { assert } from '../../base/assert.js';
import { COST, KernelMemory } from '../kernel-memory.js';
import { canMerge, Vma } from './vma.js';

/** vm.max_map_count */
export const MAX_MAP_COUNT = 65_530;

export class VmaTree {
  private readonly _vmas: Vma[] = [];

  constructor(
    /** What the mappings are charged to. */
    private readonly _room = new KernelMemory(),
  ) {}

  get size(): number {
    return this._vmas.length;
  }

  /** Whether there may be `more` mappings, here and in the kernel as a whole. */
  hasRoomFor(more: number): boolean {
    return this._vmas.length + more <= MAX_MAP_COUNT && this._room.has(more * COST.mapping);
  }

  [Symbol.iterator](): IterableIterator<Vma> {
    return this._vmas[Symbol.iterator]();
  }

  /** The mapping that contains `addr`. */
  find(addr: number): Vma | undefined {
    const vma = this.findFrom(addr);
    return vma && vma.start <= addr ? vma : undefined;
  }

  /** The lowest mapping that ends above `addr` (Linux: find_vma). */
  findFrom(addr: number): Vma | undefined {
    return this._vmas[this._indexFrom(addr)];
  }

  /** The highest mapping that ends at or below `addr`. */
  findBelow(addr: number): Vma | undefined {
    return this._vmas[this._indexFrom(addr) - 1];
  }

  /** The mappings that share a byte with [start, end), lowest first; a copy. */
  overlapping(start: number, end: number): Vma[] {
    const first = this._indexFrom(start);
    return this._vmas.slice(first, this._indexOfStartAtLeast(end, first));
  }

  overlaps(start: number, end: number): boolean {
    const vma = this.findFrom(start);
    return vma !== undefined && vma.start < end;
  }

  /** Whether every byte of [start, end) is mapped. */
  covers(start: number, end: number): boolean {
    let at = start;
    for (let i = this._indexFrom(start); at < end; i++) {
      const vma = this._vmas[i];
      if (!vma || vma.start > at) return false;
      at = vma.end;
    }
    return true;
  }

  /**
   * The highest `length` bytes, aligned, that are free in [low, high), or undefined. A stack's guard
   * gap counts as taken.
   */
  highestGap(low: number, high: number, length: number, alignment: number): number | undefined {
    const above = this._indexOfStartAtLeast(high, 0);
    let ceiling = Math.min(high, this._vmas[above]?.startWithGap ?? high);
    for (let i = above - 1; ; i--) {
      const below = this._vmas[i];
      const floor = Math.max(low, below ? below.end : low);
      const aligned = Math.floor((ceiling - length) / alignment) * alignment;
      if (aligned >= floor) return aligned;
      if (!below || below.start <= low) return undefined;
      ceiling = Math.min(ceiling, below.startWithGap);
    }
  }

  /** The lowest one. */
  lowestGap(low: number, high: number, length: number, alignment: number): number | undefined {
    let floor = low;
    for (let i = this._indexFrom(low); ; i++) {
      const above = this._vmas[i];
      const aligned = Math.ceil(floor / alignment) * alignment;
      const ceiling = Math.min(high, above ? above.startWithGap : high);
      if (aligned + length <= ceiling) return aligned;
      if (!above || above.end >= high) return undefined;
      floor = Math.max(floor, above.end);
    }
  }

  /** Takes a mapping into free space, with its reference; returns what it has become part of. */
  insert(vma: Vma): Vma {
    assert(vma.start < vma.end, 'a mapping is not empty');
    const at = this._indexFrom(vma.start);
    const next = this._vmas[at];
    assert(!next || next.start >= vma.end, 'mappings do not overlap');
    this._vmas.splice(at, 0, vma);
    this._room.take(COST.mapping);
    return this._mergeAround(at);
  }

  /** Takes out [start, end), splitting at its edges; the references are the caller's now. */
  remove(start: number, end: number): Vma[] {
    if (!this.overlaps(start, end)) return [];
    this._splitAt(start);
    this._splitAt(end);
    const first = this._indexFrom(start);
    const gone = this._vmas.splice(first, this._indexOfStartAtLeast(end, first) - first);
    this._room.give(gone.length * COST.mapping);
    return gone;
  }

  /** Runs `edit` on the mappings of [start, end), split at its edges, and merges what is alike then. */
  change(start: number, end: number, edit: (vma: Vma) => void): void {
    if (!this.overlaps(start, end)) return;
    this._splitAt(start);
    this._splitAt(end);
    const first = this._indexFrom(start);
    const last = this._indexOfStartAtLeast(end, first);
    for (let i = first; i < last; i++) {
      const vma = this._vmas[i];
      if (vma) edit(vma);
    }
    // From the top down, so that a merge does not move what is still to be looked at.
    for (let i = last; i >= first; i--) this._mergeWithNext(i - 1);
  }

  /** Index of the first mapping with end > addr. */
  private _indexFrom(addr: number): number {
    let low = 0;
    let high = this._vmas.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this._vmas[middle] as Vma).end > addr) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Index of the first mapping with start >= addr, which is at or after `from`. */
  private _indexOfStartAtLeast(addr: number, from: number): number {
    let low = from;
    let high = this._vmas.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this._vmas[middle] as Vma).start >= addr) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private _splitAt(addr: number): void {
    const index = this._indexFrom(addr);
    const vma = this._vmas[index];
    if (!vma || vma.start >= addr) return;
    const { flags, name, file, end } = vma;
    const high = new Vma({ start: addr, end, flags, name, file: file?.retain(), offset: vma.offsetAt(addr) });
    vma.end = addr;
    this._vmas.splice(index + 1, 0, high);
    this._room.take(COST.mapping);
  }

  private _mergeAround(index: number): Vma {
    this._mergeWithNext(index);
    const merged = this._mergeWithNext(index - 1);
    return this._vmas[merged ? index - 1 : index] as Vma;
  }

  private _mergeWithNext(index: number): boolean {
    const low = this._vmas[index];
    const high = this._vmas[index + 1];
    if (!low || !high || !canMerge(low, high)) return false;
    low.end = high.end;
    this._vmas.splice(index + 1, 1);
    this._room.give(COST.mapping);
    high.file?.release();
    return true;
  }
}
