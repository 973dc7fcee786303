/**
 * Tasks of a shard that have something to do in the kernel, first come first served.
 *
 * A wake-up never runs the woken task at once: whoever wakes is in the middle of something. It puts the
 * task here, and the shard runs the queue (runReady in run.ts) when it is between two things. So what
 * runs next is decided in one place.
 */
import type { Task } from './task.js';

export class RunQueue {
  private _tasks: Task[] = [];
  private _next = 0;

  get empty(): boolean {
    return this._next === this._tasks.length;
  }

  add(task: Task): void {
    if (task.queued) return;
    task.queued = true;
    this._tasks.push(task);
  }

  take(): Task | undefined {
    const task = this._tasks[this._next];
    if (!task) return undefined;
    task.queued = false;
    this._next++;
    if (this._next === this._tasks.length) {
      this._tasks = [];
      this._next = 0;
    }
    return task;
  }
}

/**
 * There is something to look at: the task does so before its guest code goes on, which is soon. A task
 * in the kernel looks by itself when its system call is done.
 */
export function kick(task: Task): void {
  task.attention = true;
  switch (task.state.name) {
    case 'guest':
      task.context.interrupt();
      break;
    case 'blocked':
    case 'stopped':
    case 'traced':
    case 'new':
      task.kernel.tasks.runQueue.add(task);
      break;
    case 'kernel':
    case 'dead':
      break;
  }
}
