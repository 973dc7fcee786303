/**
 * Which pages of a guest's private memory hold bytes of their own: /proc/pid/pagemap, whose entries say so
 * without privilege (Documentation/admin-guide/mm/pagemap.rst). A page that is in memory or swapped out and
 * not the file's is the guest's own; what was never touched, or is still the file's, is none.
 */
import { closeSync, openSync, readSync } from 'node:fs';

const PAGE = 4096;
const ENTRY = 8;
const ENTRIES_PER_READ = 32_768;
/** Bits 63, 62 and 61 of an entry, in its upper half. */
const PRESENT = 0x8000_0000;
const SWAPPED = 0x4000_0000;
const OF_FILE = 0x2000_0000;

/** One byte a page; 0, or a negative errno. */
export function touchedPages(pid: number, addr: number, pages: number, into: Uint8Array): number {
  let fd: number;
  try {
    fd = openSync(`/proc/${pid}/pagemap`, 'r');
  } catch (e) {
    return -((e as { errno?: number }).errno ?? 1);
  }
  try {
    const entries = new Uint8Array(Math.min(pages, ENTRIES_PER_READ) * ENTRY);
    const words = new Uint32Array(entries.buffer);
    for (let done = 0; done < pages; ) {
      const wanted = Math.min(pages - done, ENTRIES_PER_READ);
      const read = readSync(fd, entries, 0, wanted * ENTRY, (addr / PAGE + done) * ENTRY);
      const got = Math.floor(read / ENTRY);
      // The host has nothing there any more.
      if (got === 0) break;
      for (let i = 0; i < got; i++) {
        const word = words[2 * i + 1] as number;
        into[done + i] = word & (PRESENT | SWAPPED) && !(word & OF_FILE) ? 1 : 0;
      }
      done += got;
    }
    return 0;
  } finally {
    closeSync(fd);
  }
}
