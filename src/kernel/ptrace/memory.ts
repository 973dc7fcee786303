/**
 * Memory of a tracee as its tracer reads and writes it, whatever its protection: breakpoints go into
 * text that the guest cannot write (Linux: FOLL_FORCE, mm/gup.c).
 *
 * A page that the platform's plain copy cannot touch is made accessible for the moment and put back.
 * Other threads of the tracee could use that moment; they could do no more than mprotect(2) lets them.
 */
import { PROT_READ, PROT_WRITE } from '../../abi/mman.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { PAGE_SIZE } from '../mm/user-memory.js';
import { pageDown, VM, type Vma } from '../mm/vma.js';

/** Bytes read before the first address that has no memory. */
export function peek(mm: MemoryManager, addr: UserAddr, into: Uint8Array): number {
  return pagewise(addr, into, (at, part) => {
    const got = mm.memory.tryRead(at, part);
    if (got === part.length) return got;
    const vma = mm.vmas.find(at);
    if (!vma || vma.flags & VM.READ || !(vma.flags & VM.MAYREAD)) return got;
    return opened(mm, vma, at, PROT_READ, () => mm.memory.tryRead(at, part));
  });
}

/** Bytes written. Only private pages are forced: a shared one that is read-only stays as it is. */
export function poke(mm: MemoryManager, addr: UserAddr, from: Uint8Array): number {
  return pagewise(addr, from, (at, part) => {
    const put = mm.memory.tryWrite(at, part);
    if (put === part.length) return put;
    const vma = mm.vmas.find(at);
    if (!vma || vma.flags & VM.WRITE || vma.shared || !(vma.flags & VM.MAYWRITE)) return put;
    return opened(mm, vma, at, PROT_READ | PROT_WRITE, () => mm.memory.tryWrite(at, part));
  });
}

function opened(mm: MemoryManager, vma: Vma, at: number, prot: number, copy: () => number): number {
  const page = userAddr(pageDown(at));
  mm.space.protect(page, PAGE_SIZE, vma.prot | prot);
  if (mm.space.flush() < 0) return 0;
  try {
    return copy();
  } finally {
    mm.space.protect(page, PAGE_SIZE, vma.prot);
    mm.space.flush();
  }
}

function pagewise(
  addr: UserAddr,
  bytes: Uint8Array,
  copy: (at: UserAddr, part: Uint8Array) => number,
): number {
  for (let done = 0; done < bytes.length; ) {
    const at = addr + done;
    const part = bytes.subarray(done, done + Math.min(bytes.length - done, PAGE_SIZE - (at % PAGE_SIZE)));
    const n = copy(userAddr(at), part);
    done += n;
    if (n < part.length) return done;
  }
  return bytes.length;
}
