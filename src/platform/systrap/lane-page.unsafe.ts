/**
 * The page of a lane (layout.ts): a ring and a doorbell flag like the shard page's, written by the stubs of
 * one shard and read by the home. Its descriptors live as long as the kernel; the pool closes them.
 */
import { close, eventfd, ftruncate, memfdCreate } from '../host/libc.unsafe.js';
import { check, HostMemory } from '../host/memory.unsafe.js';
import { SHARD_PAGE_SIZE } from './layout.js';

const MFD_CLOEXEC = 1;
const EFD_NONBLOCK_CLOEXEC = 0x800 | 0x8_0000;

export interface LaneDescriptors {
  readonly page: number;
  readonly bell: number;
}

export function newLanePage(): LaneDescriptors {
  const page = check('memfd_create', memfdCreate('troupe-lane', MFD_CLOEXEC));
  try {
    check('ftruncate', ftruncate(page, SHARD_PAGE_SIZE));
    return { page, bell: check('eventfd', eventfd(0, EFD_NONBLOCK_CLOEXEC)) };
  } catch (e) {
    close(page);
    throw e;
  }
}

export function mapLanePage(page: number): HostMemory {
  return HostMemory.shared(page, SHARD_PAGE_SIZE);
}
