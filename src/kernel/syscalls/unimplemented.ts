/** System calls that troupe does not have: what they answer, and the event that says so. */
import type { Errno } from '../../abi/errno.js';
import { NR, type SyscallName } from '../../abi/numbers.js';
import { fail } from '../outcome.js';
import { eventBase } from '../task/event-base.js';
import type { Task } from '../task/task.js';
import { word } from './codecs.js';
import { arg, syscall } from './declare.js';

/** A declaration that always fails with `errno`; the note says why. */
export function unimplemented<const N extends SyscallName>(name: N, errno: Errno, note: string) {
  const number = NR[name];
  const failure = fail(errno);
  return syscall(number, name, RAW_ARGUMENTS, { support: 'none', note }, (task) => {
    reportUnimplemented(task, number, name);
    return failure;
  });
}

const RAW_ARGUMENTS = (['a', 'b', 'c', 'd', 'e', 'f'] as const).map((name) => arg(name, word));

export function reportUnimplemented(task: Task, number: number, name: string): void {
  const { events } = task.kernel;
  if (events.wants('unimplemented'))
    events.emit({ ...eventBase(task), type: 'unimplemented', name, sysno: number });
}
