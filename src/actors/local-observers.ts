/**
 * Observers that live on the shard's own thread: lines of strace on stderr, in order with what guests
 * write there, and system calls in the log at level trace.
 */
import type { Log } from '../base/log.js';
import { EventFilter } from '../kernel/watch/event-filter.js';
import { straceLine } from '../kernel/watch/strace-line.js';
import type { KernelEvent } from '../messages/events.js';
import type { KernelConfig } from '../messages/kernel.js';
import type { LocalObserver } from './event-hub.js';
import { printLine } from './print-line.js';

export function localObservers({ strace, logLevel }: KernelConfig, log: Log): LocalObserver[] {
  const observers: LocalObserver[] = [];
  if (strace) {
    const { filter } = strace;
    const types = ['syscall', 'signalDelivered', 'taskExit'] as const;
    observers.push({
      filter: new EventFilter({ types, ...(filter === undefined ? {} : { syscalls: filter }) }),
      take: print,
    });
  }
  if (logLevel === 'trace') {
    observers.push({
      filter: new EventFilter({ types: ['syscall'] }),
      take: ({ seq: _, ...fields }) => log.trace(fields, 'system call'),
    });
  }
  return observers;
}

function print(event: KernelEvent): void {
  const line = straceLine(event);
  if (line !== undefined) printLine(line);
}
