/** pipe(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { O_CLOEXEC, O_DIRECT, O_NONBLOCK } from '../../abi/open.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { newPipe } from '../fs/pipe/new-pipe.js';
import { type Failure, fail } from '../outcome.js';
import type { Task } from '../task/task.js';
import { flags, intsOut } from './codecs.js';
import { arg, syscall } from './declare.js';
import { newDescriptorPair } from './new-descriptor.js';
import { spliceCalls } from './splice.js';

const pipeFlags = { O_CLOEXEC, O_DIRECT, O_NONBLOCK } as const;
const ALLOWED = O_CLOEXEC | O_DIRECT | O_NONBLOCK;

export const pipeCalls = [
  syscall(NR.pipe, 'pipe', [arg('pipefd', intsOut(2))], { classes: ['desc'] }, (task, at) =>
    pipe(task, at, 0),
  ),
  syscall(
    NR.pipe2,
    'pipe2',
    [arg('pipefd', intsOut(2)), arg('flags', flags(pipeFlags))],
    { classes: ['desc'] },
    (task, at, f) => ((f & ~ALLOWED) !== 0 ? fail(E.EINVAL) : pipe(task, at, f)),
  ),
  ...spliceCalls,
];

function pipe(task: Task, at: UserAddr, f: number): number | Failure {
  const { reader, writer } = newPipe(task.kernel, task.creds, f & (O_DIRECT | O_NONBLOCK));
  return newDescriptorPair(task, [reader, writer], {
    closeOnExec: (f & O_CLOEXEC) !== 0,
    write(first, second) {
      task.memory.writeU32(at, first);
      task.memory.writeU32(userAddr(at + 4), second);
    },
  });
}
