/** A process on its way to another shard, which it begins at execve: what it takes along, and who may go. */
import { RLIMIT_COUNT } from '../../abi/resource.js';
import { NSIG, SIG_IGN } from '../../abi/signal.js';
import type { ExecRequest } from '../task/exec.js';
import { ResourceLimits } from '../task/limits.js';
import type { Task } from '../task/task.js';
import type { Traveller } from './conversation.js';

/**
 * Only who is alone, and has nothing under way that lives where it is: a tracer, timers that outlive
 * execve, a program that was not found by its name.
 */
export function mayTravel(task: Task, request: ExecRequest): boolean {
  const { group } = task;
  return (
    group.tasks.size === 1 &&
    !task.tracee &&
    !task.tracees?.size &&
    !group.realTimer &&
    !group.cpuTimers.virtual &&
    !group.cpuTimers.prof &&
    !group.cpuLimit &&
    request.place === undefined
  );
}

export function travellerOf(task: Task, { filename, argv, envp }: ExecRequest): Traveller {
  const { group } = task;
  const ignored: number[] = [];
  for (let signo = 1; signo <= NSIG; signo++) {
    if (group.actions.get(signo).handler === SIG_IGN) ignored.push(signo);
  }
  return {
    pid: group.pid,
    filename,
    argv,
    envp,
    creds: task.creds,
    mask: task.mask,
    ignored,
    limits: Array.from({ length: RLIMIT_COUNT }, (_, resource) => group.limits.get(resource)),
    personality: task.personality,
    timerSlackNs: task.timerSlackNs,
  };
}

export function limitsOf({ limits }: Traveller, maxTasks: number): ResourceLimits {
  const own = ResourceLimits.defaults(maxTasks);
  limits.forEach((limit, resource) => {
    own.set(resource, limit);
  });
  return own;
}
