/**
 * External stops: a pause from outside. They share the stop count of a task with job control, so a task
 * runs when nobody at all stops it.
 *
 * A task is at rest when its guest code does not run. One that is blocked is at rest at once: it stays
 * frozen, and what would have woken it is remembered. A kill ends a stopped task all the same.
 */
import { kick } from './run-queue.js';
import type { Task } from './task.js';

/** Stops these tasks; `allAtRest` is called once, when the last of them has come to rest (maybe at once). */
export function beginStop(tasks: Iterable<Task>, allAtRest: () => void): void {
  let left = 1;
  const one = (): void => {
    if (--left === 0) allAtRest();
  };
  for (const task of tasks) {
    task.stopCount++;
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
    if (--task.stopCount === 0) kick(task);
  }
}

/** The task has come to rest, or is gone. */
export function atRest(task: Task): void {
  const waiting = task.onRest;
  if (!waiting) return;
  task.onRest = undefined;
  for (const tell of waiting) tell();
}
