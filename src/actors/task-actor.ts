/**
 * A process that the embedder asked for, as an actor: its mailbox takes what happens to it from
 * outside, and its end settles the Piscina task that carries it.
 *
 * Traps do not pass through here: they are plain calls from the platform to the run loop. What the
 * process forks are tasks of the same shard; they need no pool slot of their own, which would cost a
 * message a fork.
 */
import { Subject } from 'rxjs';
import { letGo } from '../kernel/task/stop.js';
import type { Task } from '../kernel/task/task.js';
import type { ActorRef } from './actor-ref.js';

/** Lets it run, if it does not run yet. */
export type TaskMessage = { readonly type: 'start' };

export class TaskActor implements ActorRef<TaskMessage> {
  readonly #exits = new Subject<number>();
  /** The wait(2) status, once. */
  readonly exits$ = this.#exits.asObservable();
  exitStatus: number | undefined;

  constructor(readonly task: Task) {
    task.group.onExit.push((status) => {
      this.exitStatus = status;
      this.#exits.next(status);
      this.#exits.complete();
    });
  }

  get pid(): number {
    return this.task.group.pid;
  }

  tell(_start: TaskMessage): void {
    letGo(this.task);
  }

  /** What the pool's promise waits for. */
  completed(): Promise<number> {
    return new Promise((resolve) => {
      if (this.exitStatus !== undefined) resolve(this.exitStatus);
      else this.exits$.subscribe(resolve);
    });
  }
}
