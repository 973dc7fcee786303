/** The fields that every event has. Build events only when `kernel.events.wants(type)`. */
import type { EventBase } from '../../messages/events.js';
import type { KernelServices } from '../services.js';
import type { Task } from './task.js';

export function eventBase(task: Task): EventBase {
  return baseOf(task.kernel, task.group.pid, task.tid);
}

/** Of what happens to no task in particular. */
export function kernelEventBase(kernel: KernelServices): EventBase {
  return baseOf(kernel, 0, 0);
}

function baseOf({ tasks, clock }: KernelServices, pid: number, tid: number): EventBase {
  // The observer's end counts: each observer has numbers of its own.
  return { seq: 0, timeNs: clock.monotonic(), pid, tid, shard: tasks.shard };
}
