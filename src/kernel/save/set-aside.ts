/**
 * What tasks do in the kernel is a generator, which cannot be saved. So, with everything paused, first all
 * that were woken end what they do and come to rest; then those that still wait are taken out of their
 * calls, which let go of what they hold as if a signal had come, and are noted as standing at the trap of
 * the call. When they go on, here or in another kernel, the call starts anew, knowing what it had done
 * (`Resumed`). The guest sees nothing of it: no EINTR, no second vfork, no byte written twice, no sleep
 * that begins again.
 */
import { NR } from '../../abi/numbers.js';
import type { Resumed } from '../outcome.js';
import { restoreMask } from '../signal/send.js';
import { abandon, finish } from '../task/run.js';
import type { BlockedState } from '../task/state.js';
import type { Task } from '../task/task.js';
import type { TaskSet } from '../task/task-set.js';
import { CannotSave } from './graph.js';

export function setAside(tasks: TaskSet): void {
  finishWoken(tasks);
  for (const task of tasks.all()) {
    switch (task.state.name) {
      case 'blocked':
        standAtTrap(task, task.state);
        break;
      case 'stopped':
      case 'dead':
        break;
      case 'new':
        if (task.stopCount === 0) throw notPaused(task);
        break;
      case 'traced':
        throw new CannotSave(
          `process ${task.group.pid} is stopped by ptrace: its tracer must let it go first`,
        );
      case 'guest':
      case 'kernel':
        throw notPaused(task);
    }
  }
}

/** One that ends a call may wake others. Each call ends once, as no guest code runs. */
function finishWoken(tasks: TaskSet): void {
  for (let any = true; any; ) {
    any = false;
    for (const task of [...tasks.all()]) if (finish(task)) any = true;
  }
}

function standAtTrap(task: Task, state: BlockedState): void {
  const { deadlineNs } = state.wait;
  const deadline: Resumed = deadlineNs === Number.POSITIVE_INFINITY ? {} : { deadlineNs };
  const resumed = { ...deadline, ...state.wait.resume?.() };
  abandon(task, state);
  restoreMask(task);
  // A call that goes on to an instant already has its own note of it, by its own number.
  if (task.context.syscallNumber() === NR.restart_syscall && task.restartBlock) {
    task.restartBlock = { ...task.restartBlock, deadlineNs };
  }
  task.state = { name: 'stopped', resumed };
}

function notPaused(task: Task): CannotSave {
  return new CannotSave(`task ${task.tid} runs: only a paused kernel can be saved`);
}
