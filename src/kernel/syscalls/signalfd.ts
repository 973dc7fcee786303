/** signalfd(2), signalfd4(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { O_CLOEXEC, O_NONBLOCK } from '../../abi/open.js';
import { SIG, SIGSET_SIZE } from '../../abi/signal.js';
import type { UserAddr } from '../../base/brand.js';
import { SignalFile } from '../fs/anon/signalfd.js';
import { fail, type Result } from '../outcome.js';
import { maskWithout } from '../signal/mask.js';
import type { Task } from '../task/task.js';
import { fd, flags, sigset, size } from './codecs.js';
import { arg, syscall } from './declare.js';
import { newDescriptor } from './new-descriptor.js';

const signalfdFlags = { SFD_CLOEXEC: O_CLOEXEC, SFD_NONBLOCK: O_NONBLOCK } as const;
const classes = ['desc', 'signal'] as const;

export const signalfdCalls = [
  syscall(
    NR.signalfd,
    'signalfd',
    [arg('fd', fd), arg('mask', sigset), arg('sizemask', size)],
    { classes },
    (task, n, maskAt, length) => signalfd(task, n, maskAt, length, 0),
  ),
  syscall(
    NR.signalfd4,
    'signalfd4',
    [arg('fd', fd), arg('mask', sigset), arg('sizemask', size), arg('flags', flags(signalfdFlags))],
    { classes },
    signalfd,
  ),
];

/** A descriptor of -1 asks for a new file; another one's set is exchanged. */
function signalfd(task: Task, n: number, maskAt: UserAddr, length: number, bits: number): Result {
  if (length !== SIGSET_SIZE) return fail(E.EINVAL);
  const view = new DataView(task.memory.readBytes(maskAt, SIGSET_SIZE).buffer);
  if (bits & ~(O_CLOEXEC | O_NONBLOCK)) return fail(E.EINVAL);
  const given = { lo: view.getUint32(0, true), hi: view.getUint32(4, true) };
  const mask = maskWithout(maskWithout(given, SIG.KILL), SIG.STOP);
  if (n === -1) {
    // The signals of a process that runs on another shard wait there.
    if (task.group.awayOn !== undefined) task.kernel.home?.shownSignals.watch(task.group);
    const file = new SignalFile(task.kernel, bits & O_NONBLOCK, mask);
    return newDescriptor(task, file, { closeOnExec: (bits & O_CLOEXEC) !== 0 });
  }
  const file = task.files.require(n);
  if (!(file instanceof SignalFile)) return fail(E.EINVAL);
  file.setMask(mask);
  return n;
}
