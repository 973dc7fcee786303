/** Copies of guest memory by process_vm_readv(2) and process_vm_writev(2). */
import { processVmReadv, processVmWritev } from '../host/libc.unsafe.js';
import { scratch } from '../host/scratch.unsafe.js';

const PAGE = 4096;

export type CopyDirection = 'in' | 'out';

/** Copies into `bytes`, or out of them; bytes copied, which are fewer where the guest has no memory. */
export function copyGuestMemory(
  pid: number,
  addr: number,
  bytes: Uint8Array,
  direction: CopyDirection,
): number {
  const s = scratch();
  for (let done = 0; done < bytes.length; ) {
    const part = Math.min(s.dataSize, bytes.length - done);
    if (direction === 'out') s.data.set(part === bytes.length ? bytes : bytes.subarray(done, done + part));
    const n = copyPart(pid, addr + done, part, direction);
    if (n <= 0) return done;
    if (direction === 'in') bytes.set(s.data.subarray(0, n), done);
    done += n;
    if (n < part) return done;
  }
  return bytes.length;
}

/** Between scratch data and guest memory. */
function copyPart(pid: number, addr: number, length: number, direction: CopyDirection): number {
  const s = scratch();
  s.setU64(0, s.dataAddress);
  s.setU64(8, length);
  s.setU64(16, addr);
  s.setU64(24, length);
  const call = direction === 'in' ? processVmReadv : processVmWritev;
  const n = call(pid, s.address, 1, s.address + 16, 1, 0);
  if (n === length || length <= PAGE) return n;
  // A fault may hide the bytes before it: the first page alone shows whether there are any.
  return n > 0 ? n : copyPart(pid, addr, PAGE - (addr % PAGE), direction);
}
