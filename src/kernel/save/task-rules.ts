/**
 * Tasks and thread groups. A task's registers are saved as an image, and put into a context once there is
 * an address space for it (snapshot.ts). What the embedder hears of (`onExit`) is the embedder's to set up.
 */
import type { Context, ContextImage } from '../../platform/platform.js';
import { restoreRealTimer } from '../signal/real-timer.js';
import { Task } from '../task/task.js';
import { ThreadGroup } from '../task/thread-group.js';
import { watchCpuLimit } from '../time/cpu-timer.js';
import { membersOf, type SavedClass } from './graph.js';

const TASK_UNSAVED = ['context', 'onRest', 'vforkDone', 'queued'];
const GROUP_UNSAVED = ['onExit', 'cpuLimit'];

/** Registers of tasks that were read and have no context yet. */
const images = new WeakMap<Task, ContextImage>();

export const taskRule: SavedClass = {
  prototype: Task.prototype,
  toSaved(object) {
    const task = object as Task;
    const members = { ...membersOf(task, TASK_UNSAVED), queued: false };
    if (task.state.name === 'dead') return members;
    // The new context counts from zero.
    return { ...members, cpuBefore: task.cpuTime(), image: task.context.image() };
  },
  fromSaved(object, { image, ...members }) {
    const task = object as Task;
    Object.assign(task, members);
    if (image) images.set(task, image as ContextImage);
  },
};

/**
 * The task gets its context, which becomes what the image says; false when this CPU cannot hold it. `partly`: what it
 * cannot hold is left out.
 */
export function giveContext(task: Task, context: Context, how: { readonly partly?: boolean } = {}): boolean {
  task.context = context;
  context.owner = task;
  const image = images.get(task);
  return image !== undefined && context.restore(image, how);
}

export const groupRule: SavedClass = {
  prototype: ThreadGroup.prototype,
  toSaved(object) {
    const group = object as ThreadGroup;
    const { realTimer } = group;
    const timer = realTimer && { deadlineNs: realTimer.deadlineNs, intervalNs: realTimer.intervalNs };
    return { ...membersOf(group, GROUP_UNSAVED), realTimer: timer, cpu: group.cpuTime() };
  },
  fromSaved(object, members) {
    Object.assign(object, members, { onExit: [] });
  },
  restored(object) {
    const group = object as ThreadGroup;
    if (group.isZombie) return;
    const { kernel } = group.leader;
    restoreRealTimer(kernel, group);
    watchCpuLimit(kernel, group);
  },
};
