/**
 * Observers that live on the shard's own thread: lines of strace on stderr, in order with what guests
 * write there; and what tasks say in the log, each by its own logger: how they begin and end at level debug,
 * their system calls at level trace. At other levels nothing is asked for, and so nothing made.
 */
import { type Log, writesDebug, writesTrace } from '../base/log.js';
import type { KernelServices } from '../kernel/services.js';
import { logOf } from '../kernel/task/task-log.js';
import { EventFilter } from '../kernel/watch/event-filter.js';
import { straceLine } from '../kernel/watch/strace-line.js';
import type { KernelEvent } from '../messages/events.js';
import type { KernelConfig } from '../messages/kernel.js';
import type { LocalObserver } from './event-hub.js';
import { printLine } from './print-line.js';

export function localObservers(
  { strace }: KernelConfig,
  { log, tasks }: Pick<KernelServices, 'log' | 'tasks'>,
): LocalObserver[] {
  const observers: LocalObserver[] = [];
  if (strace) {
    const { filter } = strace;
    const types = ['syscall', 'signalDelivered', 'taskExit'] as const;
    observers.push({
      filter: new EventFilter({ types, ...(filter === undefined ? {} : { syscalls: filter }) }),
      take: print,
    });
  }
  const logOfTask = (pid: number, tid: number): Log => {
    const task = tasks.byTid(tid);
    return task ? logOf(task) : log.child({ actor: `task${tid}`, pid, tid });
  };
  if (writesDebug(log)) {
    observers.push({
      filter: new EventFilter({ types: ['taskStart', 'exec', 'taskExit'] }),
      take: ({ seq: _, pid, tid, type, ...fields }) => logOfTask(pid, tid).debug(fields, type),
    });
  }
  if (writesTrace(log)) {
    observers.push({
      filter: new EventFilter({ types: ['syscall'] }),
      take: ({ seq: _, pid, tid, type: _type, ...fields }) =>
        logOfTask(pid, tid).trace(fields, 'system call'),
    });
  }
  return observers;
}

function print(event: KernelEvent): void {
  const line = straceLine(event);
  if (line !== undefined) printLine(line);
}
