/**
 * Which address a new mapping gets: Linux's get_unmapped_area and arch_get_unmapped_area_topdown
 * (mm/mmap.c, arch/x86/kernel/sys_x86_64.c).
 */
import { E } from '../../abi/errno.js';
import { MAP_32BIT, MAP_FIXED, MAP_FIXED_NOREPLACE } from '../../abi/mman.js';
import { type Failure, fail } from '../outcome.js';
import type { Layout } from './layout.js';
import { PAGE_SIZE } from './user-memory.js';
import { isPageAligned, pageDown } from './vma.js';
import type { VmaTree } from './vma-tree.js';

const LOW_32BIT = 0x4000_0000;
const HIGH_32BIT = 0x8000_0000;

export interface PlaceRequest {
  /** Exact with MAP_FIXED, else a hint; 0: none. */
  readonly addr: number;
  /** Whole pages. */
  readonly length: number;
  /** MAP_* bits; FIXED, FIXED_NOREPLACE and 32BIT matter here. */
  readonly flags: number;
  /** A power of two, at least a page. */
  readonly alignment?: number;
}

export function place(vmas: VmaTree, layout: Layout, request: PlaceRequest): number | Failure {
  const { length, flags } = request;
  if (length > layout.maxAddress) return fail(E.ENOMEM);
  if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) return placeFixed(vmas, layout, request);
  const hint = pageDown(Math.max(request.addr, request.addr === 0 ? 0 : layout.minAddress));
  if (hint !== 0 && hint <= layout.maxAddress - length && fits(vmas, hint, length)) return hint;
  const alignment = request.alignment ?? PAGE_SIZE;
  const found =
    flags & MAP_32BIT
      ? vmas.lowestGap(LOW_32BIT, HIGH_32BIT, length, alignment)
      : (vmas.highestGap(layout.minAddress, layout.mmapBase, length, alignment) ??
        vmas.lowestGap(layout.mmapBase, layout.maxAddress, length, alignment));
  return found ?? fail(E.ENOMEM);
}

function placeFixed(vmas: VmaTree, layout: Layout, request: PlaceRequest): number | Failure {
  const { addr, length, flags } = request;
  if (addr > layout.maxAddress - length) return fail(E.ENOMEM);
  if (!isPageAligned(addr)) return fail(E.EINVAL);
  // vm.mmap_min_addr. Privilege in the sandbox does not reach the host, which refuses too.
  if (addr < layout.minAddress) return fail(E.EPERM);
  if (flags & MAP_FIXED_NOREPLACE && vmas.overlaps(addr, addr + length)) return fail(E.EEXIST);
  return addr;
}

function fits(vmas: VmaTree, addr: number, length: number): boolean {
  const above = vmas.findFrom(addr);
  return !above || addr + length <= above.startWithGap;
}
