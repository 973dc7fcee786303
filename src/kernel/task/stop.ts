/**
 * External stops: a pause from outside, and the wait of a process that was made for its start. They
 * share the stop count of a task with job control, so a task runs when nobody at all stops it.
 *
 * A task is at rest when its guest code does not run. One that is blocked is at rest at once: it stays
 * frozen, and what would have woken it is remembered. A kill ends a stopped task all the same.
 *
 * A pause stops tasks that are made during it too (`TaskSet.add`): they start with as many stops as
 * there are pauses.
 */
import { kick } from './run-queue.js';
import type { Task } from './task.js';
import type { TaskSet } from './task-set.js';

/** Stops these tasks; `allAtRest` is called once, when the last of them has come to rest (maybe at once). */
export function beginStop(tasks: Iterable<Task>, allAtRest: () => void): void {
  let left = 1;
  const one = (): void => {
    if (--left === 0) allAtRest();
  };
  for (const task of tasks) {
    task.stopCount++;
    if (runsElsewhere(task)) {
      task.attention = true;
      continue;
    }
    if (task.state.name === 'guest' || task.state.name === 'kernel') {
      left++;
      task.onRest ??= [];
      task.onRest.push(one);
    }
    kick(task);
  }
  one();
}

/** Undoes one beginStop. */
export function endStop(tasks: Iterable<Task>): void {
  for (const task of tasks) {
    if (task.stopCount === 0) continue;
    if (--task.stopCount === 0 && !runsElsewhere(task)) kick(task);
  }
}

/** Its guest code runs on another shard, which stops it; here it stops when a call of its comes to be answered. */
function runsElsewhere({ group, state }: Task): boolean {
  return group.awayOn !== undefined && state.name === 'guest';
}

/** The task has come to rest, or is gone. */
export function atRest(task: Task): void {
  const waiting = task.onRest;
  if (!waiting) return;
  task.onRest = undefined;
  for (const tell of waiting) tell();
}

/** Stops every task of the shard, also those to come. Pauses nest. */
export function pauseAll(tasks: TaskSet, allAtRest: () => void): void {
  tasks.pauses++;
  beginStop(tasks.all(), allAtRest);
}

/** Undoes one pauseAll. False without one. After the last, nobody is told of rest that did not come. */
export function unpauseAll(tasks: TaskSet): boolean {
  if (tasks.pauses === 0) return false;
  tasks.pauses--;
  if (tasks.pauses === 0) for (const task of tasks.all()) task.onRest = undefined;
  endStop(tasks.all());
  return true;
}

/** Of a kernel that was loaded: who had paused it is not here, and who loads it unpauses it once. */
export function keepOnePause(tasks: TaskSet): void {
  while (tasks.pauses > 1) unpauseAll(tasks);
}

/** A process that was made does not run before `letGo`, whatever is sent to it; a kill ends it. */
export function hold(task: Task): void {
  task.held = true;
  task.stopCount++;
  task.attention = true;
}

/** Lets it run. Once; again does nothing. */
export function letGo(task: Task): void {
  if (!task.held) return;
  task.held = false;
  endStop([task]);
}
