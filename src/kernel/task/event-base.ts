/** The fields that every event of a task has. Build events only when `kernel.events.wants(type)`. */
import type { EventBase } from '../../messages/events.js';
import type { Task } from './task.js';

export function eventBase(task: Task): EventBase {
  const { tasks, clock } = task.kernel;
  return {
    sequence: tasks.nextSequence(),
    timeNs: clock.monotonic(),
    pid: task.group.pid,
    tid: task.tid,
    shard: tasks.shard,
  };
}
