/**
 * A process that the embedder asked for, as an actor: its mailbox takes what happens to it from
 * outside, and its end settles the Piscina task that carries it.
 *
 * Traps do not pass through here: they are plain calls from the platform to the run loop. What the
 * process forks are tasks of the same shard; they need no pool slot of their own, which would cost a
 * message a fork.
 */
import { Subject } from 'rxjs';
import { assertNever } from '../base/assert.js';
import { sendToGroup } from '../kernel/signal/send.js';
import { userSignal } from '../kernel/signal/siginfo.js';
import { startGroupExit } from '../kernel/task/group-exit.js';
import { letGo } from '../kernel/task/stop.js';
import type { Task } from '../kernel/task/task.js';
import type { ActorRef } from './actor-ref.js';

export type TaskMessage =
  | { readonly type: 'start' }
  | { readonly type: 'signal'; readonly signo: number }
  /** Exits as by exit_group with this status, whatever it does. */
  | { readonly type: 'kill'; readonly status: number };

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

  tell(message: TaskMessage): void {
    switch (message.type) {
      case 'start':
        letGo(this.task);
        break;
      case 'signal':
        sendToGroup(this.task.group, userSignal(message.signo, 0, 0));
        break;
      case 'kill':
        startGroupExit(this.task.group, message.status << 8);
        break;
      default:
        assertNever(message, 'task message');
    }
  }

  /** What the pool's promise waits for. */
  completed(): Promise<number> {
    return new Promise((resolve) => {
      if (this.exitStatus !== undefined) resolve(this.exitStatus);
      else this.exits$.subscribe(resolve);
    });
  }
}
