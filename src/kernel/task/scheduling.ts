/**
 * Scheduling attributes of a task, sched(7). They are kept and answered as Linux does; the host's
 * scheduler runs the guest threads and is not told of them.
 *
 * Owner: one task; a child gets a copy.
 */
import { SCHED_OTHER } from '../../abi/sched.js';

export class Scheduling {
  policy: number = SCHED_OTHER;
  /** SCHED_FIFO and SCHED_RR: 1–99; others 0. */
  priority = 0;
  nice = 0;
  resetOnFork = false;
  /** ioprio_set(2): class and level. */
  ioPriority = 0;
  /** CPUs it may use, a bit each; undefined: all. */
  affinity: bigint | undefined;

  fork(): Scheduling {
    const child = new Scheduling();
    child.affinity = this.affinity;
    child.ioPriority = this.ioPriority;
    if (this.resetOnFork) {
      child.nice = Math.max(this.nice, 0);
      return child;
    }
    child.policy = this.policy;
    child.priority = this.priority;
    child.nice = this.nice;
    return child;
  }
}
