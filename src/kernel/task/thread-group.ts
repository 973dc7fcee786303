/**
 * A thread group: what programs call a process (struct signal_struct). Tasks share its limits, signal
 * actions, shared pending signals, children and exit status.
 *
 * Owner: one shard. A group whose last task is gone is a zombie (`exitStatus` is set) until its parent
 * has waited for it; `TaskSet.forget` is its end. A group without a parent is the kernel's own child,
 * reaped at once. Orphans go to process 1; without one that is the kernel itself (docs/decisions/0020).
 */
import { SIG } from '../../abi/signal.js';
import { present } from '../../base/assert.js';
import type { Pid } from '../../base/brand.js';
import type { Terminal } from '../fs/tty/terminal.js';
import { SignalActions } from '../signal/actions.js';
import { PendingSignals } from '../signal/pending.js';
import type { CpuAlarm } from '../time/cpu-alarm.js';
import type { CpuTimer } from '../time/cpu-timer.js';
import { PosixTimers } from '../time/posix-timer.js';
import { WaitQueue } from '../wait.js';
import type { ResourceLimits } from './limits.js';
import type { Task } from './task.js';

export interface CpuTime {
  /** Nanoseconds. */
  user: number;
  system: number;
}

export class ThreadGroup {
  /** Those that live. */
  readonly tasks = new Set<Task>();
  private _leader: Task | undefined;
  private readonly _hadParent: boolean;
  readonly children = new Set<ThreadGroup>();
  /** The thread that made this group: its end is what PR_SET_PDEATHSIG tells of. */
  creator: Task | undefined;
  actions = new SignalActions();
  /** Signals sent to the group as a whole. */
  readonly pending = new PendingSignals();
  /** Notified (IN) when a signal is queued for the group or one of its tasks: signalfd(2). */
  readonly signalQueue = new WaitQueue();
  /** Notified (IN) when a child ends, stops or goes on: wait(2). */
  readonly childQueue = new WaitQueue();

  /** wait(2) status with which the group is ending: no other can replace it. */
  exiting: number | undefined;
  /** wait(2) status, once every task is gone. */
  exitStatus: number | undefined;
  /** execve is ending all threads but this one. */
  execTask: Task | undefined;
  /** Notified (IN) when a task of the group is gone. */
  readonly taskGone = new WaitQueue();
  /** The embedder's interest in the end of a group; called once, with the wait(2) status. */
  readonly onExit: ((status: number) => void)[] = [];

  /** Job control: the signal it stopped by (every thread has stopped), and whether wait(2) told of it. */
  stopped: { readonly signo: number; reported: boolean } | undefined;
  /** The signal of a stop that threads are still on their way to. */
  stopping: number | undefined;
  /** SIGCONT let it go on and wait(2) has not told of it. */
  continued = false;

  /** A deputy's: the shard that its body is on (home/). */
  awayOn: number | undefined;

  /** The controlling terminal, tty(4); fs/tty/controlling.ts sets it. */
  terminal: Terminal | undefined;
  /** Leader of a session whose terminal was hung up: who was in the foreground. */
  foregroundAtHangUp: number | undefined;

  /** prctl(PR_SET_DUMPABLE): 0, 1 or 2. */
  dumpable = 1;
  /**
   * Process 1 of a kernel that was made in steps (SIGNAL_UNKILLABLE): signals that it does not handle pass
   * it by, unless the kernel or the embedder sends SIGKILL or SIGSTOP. A fault that it does not handle ends that.
   */
  unkillable = false;
  /** prctl(PR_SET_CHILD_SUBREAPER) */
  isSubreaper = false;
  /** It has executed a program since it was forked: its parent may no longer move it (setpgid(2)). */
  hasExecuted = false;
  /** setitimer(ITIMER_REAL): see signal/real-timer.ts. */
  realTimer: { deadlineNs: number; intervalNs: number; cancel: () => void } | undefined;

  /** timer_create(2) */
  readonly timers = new PosixTimers();
  /** setitimer(2) of CPU time, RLIMIT_CPU: see time/cpu-timer.ts. */
  readonly cpuTimers: { virtual?: CpuTimer; prof?: CpuTimer } = {};
  cpuLimit: CpuAlarm | undefined;

  /** The most memory it had at once, of address spaces that are gone; and so of children waited for. */
  maxResident = 0;
  childrenMaxResident = 0;
  /** CPU time of tasks' address spaces that are gone, and of children waited for. */
  readonly cpu: CpuTime = { user: 0, system: 0 };
  readonly childrenCpu: CpuTime = { user: 0, system: 0 };

  constructor(
    readonly pid: Pid,
    public parent: ThreadGroup | undefined,
    public pgid: number,
    public sid: number,
    readonly limits: ResourceLimits,
    /** What the parent gets when it ends; 0: nothing. */
    public exitSignal: number = SIG.CHLD,
  ) {
    parent?.children.add(this);
    this._hadParent = parent !== undefined;
  }

  get leader(): Task {
    return present(this._leader, 'leader');
  }

  set leader(task: Task) {
    this._leader = task;
  }

  /** getppid(2): 1 for an orphan; 0 for what came from outside, as in a PID namespace entered by setns(2). */
  get parentPid(): number {
    return this.parent?.pid ?? (this._hadParent ? 1 : 0);
  }

  get isZombie(): boolean {
    return this.exitStatus !== undefined;
  }

  /** CPU time of the group so far, by its threads that live and those gone. */
  cpuTime(): CpuTime {
    const total = { ...this.cpu };
    const [first] = this.tasks;
    if (!first) return total;
    const add = (now: CpuTime): void => {
      total.user += now.user;
      total.system += now.system;
    };
    // Memory shared with another process (vfork): what the whole address space used is not all ours.
    if (first.mm.sharers > this.tasks.size) for (const task of this.tasks) add(task.context.cpuTime());
    else add(first.context.addressSpace.usage());
    return total;
  }
}
