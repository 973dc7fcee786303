/** The child logger of a task, which is an actor: made with its first line, so a task that says nothing has none. */
import type { Log } from '../../base/log.js';
import type { Task } from './task.js';

/** A log belongs to the thread that writes it: it is not saved with the task. */
const logs = new WeakMap<Task, Log>();

export function logOf(task: Task): Log {
  let log = logs.get(task);
  if (!log) {
    log = task.kernel.log.child({ actor: `task${task.tid}`, pid: task.group.pid, tid: task.tid });
    logs.set(task, log);
  }
  return log;
}
