/** mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), remap_file_pages(2), pkeys(7). Work: kernel/mm. */
import { E } from '../../abi/errno.js';
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_POPULATE,
  MAP_SHARED,
  mapFlags,
  mremapFlags,
  protFlags,
} from '../../abi/mman.js';
import { NR } from '../../abi/numbers.js';
import type { MemoryCaller } from '../mm/accounting.js';
import { PAGE_SIZE } from '../mm/user-memory.js';
import { isPageAligned, pageDown, pageUp, VM } from '../mm/vma.js';
import { Failure, fail, type Outcome } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, fd, flags, int, size, ulong, word } from './codecs.js';
import { arg, syscall } from './declare.js';

const prot = arg('prot', flags(protFlags, { zero: 'PROT_NONE' }));
const memory = { classes: ['memory'] } as const;

/** On whose behalf memory calls are made. */
export function memoryCaller(task: Task): MemoryCaller {
  return { limits: task.group.limits, creds: task.creds };
}

function mmap(
  task: Task,
  at: number,
  length: number,
  protection: number,
  how: number,
  descriptor: number,
  offset: number,
): Outcome {
  if (!isPageAligned(offset)) return fail(E.EINVAL);
  const request = { addr: at, length, prot: protection, flags: how };
  if (how & MAP_ANONYMOUS) return task.mm.mmap(request, memoryCaller(task));
  const file = task.files.require(descriptor);
  return task.mm.mmap({ ...request, file, offset }, memoryCaller(task));
}

function munmap(task: Task, start: number, length: number): Outcome {
  const { mm } = task;
  if (!isPageAligned(start) || start > mm.layout.maxAddress || length > mm.layout.maxAddress - start) {
    return fail(E.EINVAL);
  }
  const end = start + pageUp(length);
  if (end === start) return fail(E.EINVAL);
  // Taking out the middle of a mapping leaves one more.
  const around = mm.vmas.find(start);
  if (around && around.start < start && around.end > end && !mm.vmas.hasRoomFor(1)) {
    return fail(E.ENOMEM);
  }
  mm.munmap(start, end);
  return 0;
}

function mprotect(task: Task, start: number, length: number, protection: number): Outcome {
  return task.mm.mprotect(start, length, protection, memoryCaller(task)) ?? 0;
}

/** Only the default key exists, as on a CPU without protection keys. */
function pkeyMprotect(task: Task, start: number, length: number, protection: number, key: number): Outcome {
  return key === -1 ? mprotect(task, start, length, protection) : fail(E.EINVAL);
}

/** Linux has emulated this with mmap since 4.0. */
function remapFilePages(
  task: Task,
  at: number,
  length: number,
  protection: number,
  page: number,
  how: number,
): Outcome {
  if (protection !== 0) return fail(E.EINVAL);
  const start = pageDown(at);
  const bytes = pageDown(length);
  if (bytes === 0 || start + bytes > task.mm.layout.maxAddress) return fail(E.EINVAL);
  const vma = task.mm.vmas.find(start);
  if (!vma?.file || !(vma.flags & VM.SHARED) || start + bytes > vma.end) return fail(E.EINVAL);
  const fixed = MAP_SHARED | MAP_FIXED | MAP_POPULATE | (how & MAP_NONBLOCK);
  const locked = vma.flags & VM.LOCKED ? MAP_LOCKED : 0;
  const request = {
    addr: start,
    length: bytes,
    prot: vma.prot,
    flags: fixed | locked,
    file: vma.file,
    offset: page * PAGE_SIZE,
    name: vma.name,
  };
  const mapped = task.mm.mmap(request, memoryCaller(task));
  return mapped instanceof Failure ? mapped : 0;
}

export const mmapCalls = [
  syscall(
    NR.mmap,
    'mmap',
    [
      arg('addr', addr),
      arg('length', size),
      prot,
      arg('flags', flags(mapFlags)),
      arg('fd', fd),
      // Unsigned: the highest offsets overflow (EOVERFLOW) rather than being negative.
      arg('offset', word),
    ],
    { ...memory, returns: 'address', note: 'no huge pages (MAP_HUGETLB: ENOMEM)' },
    mmap,
  ),
  syscall(NR.munmap, 'munmap', [arg('addr', addr), arg('length', size)], memory, munmap),
  syscall(NR.mprotect, 'mprotect', [arg('addr', addr), arg('length', size), prot], memory, mprotect),
  syscall(
    NR.mremap,
    'mremap',
    [
      arg('old_address', addr),
      arg('old_size', size),
      arg('new_size', size),
      arg('flags', flags(mremapFlags)),
      arg('new_address', addr),
    ],
    { ...memory, returns: 'address' },
    (task, at, oldLength, newLength, how, newAddr) =>
      task.mm.mremap({ addr: at, oldLength, newLength, flags: how, newAddr }, memoryCaller(task)),
  ),
  syscall(NR.brk, 'brk', [arg('brk', addr)], { ...memory, returns: 'address' }, (task, end) =>
    task.mm.brk(end, memoryCaller(task)),
  ),
  syscall(
    NR.remap_file_pages,
    'remap_file_pages',
    [arg('addr', addr), arg('size', size), prot, arg('pgoff', ulong), arg('flags', flags(mapFlags))],
    memory,
    remapFilePages,
  ),
  syscall(
    NR.pkey_mprotect,
    'pkey_mprotect',
    [arg('addr', addr), arg('length', size), prot, arg('pkey', int)],
    { ...memory, support: 'partial', note: 'as on a CPU without protection keys' },
    pkeyMprotect,
  ),
  syscall(
    NR.pkey_alloc,
    'pkey_alloc',
    [arg('flags', ulong), arg('access_rights', ulong)],
    { ...memory, support: 'partial', note: 'no keys: ENOSPC, as on a CPU without them' },
    (_task, how, rights) => fail(how !== 0 || rights > 3 ? E.EINVAL : E.ENOSPC),
  ),
  syscall(
    NR.pkey_free,
    'pkey_free',
    [arg('pkey', int)],
    { ...memory, support: 'partial', note: 'no key was ever allocated: EINVAL' },
    () => fail(E.EINVAL),
  ),
];
