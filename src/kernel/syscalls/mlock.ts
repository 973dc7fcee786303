/** mlock(2), mlock2(2), mlockall(2), munlock(2), munlockall(2). Work: kernel/mm/lock.ts. */
import { MLOCK_ONFAULT, mlockallFlags } from '../../abi/mman.js';
import { NR } from '../../abi/numbers.js';
import { addr, flags, size } from './codecs.js';
import { arg, syscall } from './declare.js';
import { memoryCaller } from './mmap.js';

const options = {
  classes: ['memory'],
  support: 'partial',
  note: 'memory is marked, counted and faulted in; the host may still swap it out',
} as const;
const start = arg('addr', addr);
const length = arg('length', size);

export const mlockCalls = [
  syscall(
    NR.mlock,
    'mlock',
    [start, length],
    options,
    (task, at, bytes) => task.mm.mlock(at, bytes, 0, memoryCaller(task)) ?? 0,
  ),
  syscall(
    NR.mlock2,
    'mlock2',
    [start, length, arg('flags', flags({ MLOCK_ONFAULT }))],
    options,
    (task, at, bytes, how) => task.mm.mlock(at, bytes, how, memoryCaller(task)) ?? 0,
  ),
  syscall(
    NR.munlock,
    'munlock',
    [start, length],
    options,
    (task, at, bytes) => task.mm.munlock(at, bytes) ?? 0,
  ),
  syscall(
    NR.mlockall,
    'mlockall',
    [arg('flags', flags(mlockallFlags))],
    options,
    (task, how) => task.mm.mlockall(how, memoryCaller(task)) ?? 0,
  ),
  syscall(NR.munlockall, 'munlockall', [], options, (task) => {
    task.mm.munlockall();
    return 0;
  }),
];
