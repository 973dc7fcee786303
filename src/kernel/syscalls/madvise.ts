/** madvise(2), mincore(2), msync(2). Work: kernel/mm. */
import { E } from '../../abi/errno.js';
import { madviseAdvices, msyncFlags } from '../../abi/mman.js';
import { NR } from '../../abi/numbers.js';
import { userAddr } from '../../base/brand.js';
import { PAGE_SIZE } from '../mm/user-memory.js';
import { isPageAligned, pageUp } from '../mm/vma.js';
import { fail, type Outcome } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, choice, flags, size } from './codecs.js';
import { arg, syscall } from './declare.js';
import { memoryCaller } from './mmap.js';

const memory = { classes: ['memory'] } as const;
/** Pages asked of the host at once. */
const CHUNK_PAGES = PAGE_SIZE;

function mincore(task: Task, start: number, length: number, into: number): Outcome {
  const { mm } = task;
  if (!isPageAligned(start)) return fail(E.EINVAL);
  if (start + length > mm.layout.maxAddress) return fail(E.ENOMEM);
  const pages = pageUp(length) / PAGE_SIZE;
  if (into + pages > mm.layout.maxAddress) return fail(E.EFAULT);
  for (let done = 0; done < pages; ) {
    const chunk = new Uint8Array(Math.min(CHUNK_PAGES, pages - done));
    const failed = mm.mincore(start + done * PAGE_SIZE, chunk);
    if (failed) return failed;
    task.memory.write(userAddr(into + done), chunk);
    done += chunk.length;
  }
  return 0;
}

export const madviseCalls = [
  syscall(
    NR.madvise,
    'madvise',
    [arg('addr', addr), arg('length', size), arg('advice', choice(madviseAdvices))],
    { ...memory, note: 'no KSM (MADV_MERGEABLE: EINVAL), no guard pages' },
    (task, start, length, advice) => task.mm.madvise(start, length, advice, memoryCaller(task)) ?? 0,
  ),
  syscall(NR.mincore, 'mincore', [arg('addr', addr), arg('length', size), arg('vec', addr)], memory, mincore),
  syscall(
    NR.msync,
    'msync',
    [arg('addr', addr), arg('length', size), arg('flags', flags(msyncFlags))],
    memory,
    (task, start, length, how) => task.mm.msync(start, length, how) ?? 0,
  ),
];
