/**
 * Telling the tasks of a group to end: exit_group(2), fatal signals, execve. Each ends when it next
 * comes to the kernel, which the kick makes soon; nothing else is done for it any more.
 */
import { kick } from './run-queue.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';

/** Ends the whole group with this wait(2) status, unless it is ending already. */
export function startGroupExit(group: ThreadGroup, status: number): void {
  if (group.exiting !== undefined) return;
  group.exiting = status;
  for (const task of group.tasks) kill(task);
}

/** Ends every thread but this one (execve). */
export function killOthers(survivor: Task): void {
  for (const task of survivor.group.tasks) if (task !== survivor) kill(task);
}

function kill(task: Task): void {
  task.killed = true;
  kick(task);
}
