/**
 * A task: one guest thread as Linux sees it (struct task_struct). This file holds its state only;
 * what a task does is in run.ts (run states), signal/ (delivery), exit.ts.
 *
 * Owner: the shard of its thread group. Only code on that shard reads or writes it.
 */
import type { Tid, UserAddr } from '../../base/brand.js';
import type { Context } from '../../platform/platform.js';
import type { Credentials } from '../auth/credentials.js';
import type { FdTable } from '../fs/fd-table.js';
import type { FsContext } from '../fs/fs-context.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import type { UserMemory } from '../mm/user-memory.js';
import type { Restart, Resumed } from '../outcome.js';
import type { Tracee } from '../ptrace/tracee.js';
import type { KernelServices } from '../services.js';
import type { SignalMask } from '../signal/mask.js';
import type { PendingSignals } from '../signal/pending.js';
import type { UtsNamespace } from '../uts.js';
import { Scheduling } from './scheduling.js';
import { NEW, type RunState } from './state.js';
import type { ThreadGroup } from './thread-group.js';

export interface AltStack {
  sp: UserAddr;
  size: number;
  flags: number;
}

export const NO_ALT_STACK: Readonly<AltStack> = { sp: 0 as UserAddr, size: 0, flags: 2 };

export class Task {
  /** prctl(PR_SET_NAME): at most 15 bytes. */
  comm = '';
  /** set_tid_address(2): cleared and woken at exit. */
  clearChildTid = 0 as UserAddr;
  /** set_robust_list(2) */
  robustList = 0 as UserAddr;
  /** Signals not delivered now; change it with setMask of signal/send.ts, which looks for work. */
  mask: SignalMask = { lo: 0, hi: 0 };
  /** What sigsuspend and ppoll put back; set it with setTemporaryMask. */
  savedMask: SignalMask | undefined;
  /** While rt_sigtimedwait waits: the mask that really holds (`mask` lets what is waited for through). */
  realMask: SignalMask | undefined;
  altStack: AltStack = { ...NO_ALT_STACK };
  /** prctl(PR_SET_PDEATHSIG) */
  parentDeathSignal = 0;
  /** What it does now; see run.ts. */
  state: RunState = NEW;
  /** There is something to look at before the guest goes on: a signal, a stop, a kill (TIF_SIGPENDING). */
  attention = false;
  /** It is to exit and nothing else (a fatal signal, exit_group, execve by another thread). */
  killed = false;
  /** How many have stopped it: job control once, each external pause, and `hold` (stop.ts). */
  stopCount = 0;
  /** Made for the embedder, and not started yet. */
  held = false;
  /** Job control: asked to stop; has stopped (which is one of `stopCount`). */
  stopPending = false;
  groupStopped = false;
  /** Called once when the guest code of this task has come to rest. */
  onRest: (() => void)[] | undefined;
  /** A system call that a signal interrupted, until it is known what becomes of it. */
  restart: Restart | undefined;
  /** How restart_syscall(2) goes on with the call that a stop or an ignored signal interrupted. */
  restartBlock: { readonly number: number; readonly deadlineNs: number } | undefined;
  /** While a call starts anew that was begun before: what it has done (kernel/save). */
  resumed: Resumed | undefined;
  /** Somebody traces it (ptrace(2)), and whom it traces itself. */
  tracee: Tracee | undefined;
  tracees: Set<Task> | undefined;
  /** In the run queue. */
  queued = false;
  /** A child of vfork: lets the parent go on. Called when it executes a program or ends. */
  vforkDone: (() => void) | undefined;
  /** How the task ended, once it has: wait(2) status. */
  exitStatus: number | undefined;
  timerSlackNs = 50_000;
  /** CPU time it used in address spaces it has left by execve. */
  cpuBefore = { user: 0, system: 0 };
  /** personality(2) */
  personality = 0;
  readonly scheduling: Scheduling;
  /** Its UTS namespace: that of the kernel, unless the embedder gave its process another one. */
  uts: UtsNamespace;
  readonly startMonotonicNs: number;

  constructor(
    readonly kernel: KernelServices,
    /** Changes only when execve makes a thread the leader of its group. */
    public tid: Tid,
    readonly group: ThreadGroup,
    public context: Context,
    public mm: MemoryManager,
    public files: FdTable,
    public fs: FsContext,
    public creds: Credentials,
    readonly pending: PendingSignals,
    /** Whose scheduling attributes and namespaces it starts with. */
    like?: Pick<Task, 'scheduling' | 'personality' | 'uts'>,
  ) {
    this.scheduling = like ? like.scheduling.fork() : new Scheduling();
    if (like) this.personality = like.personality;
    this.uts = like?.uts ?? kernel.uts;
    this.startMonotonicNs = kernel.clock.monotonic();
    context.owner = this;
  }

  /** CPU time of this thread alone, in nanoseconds. */
  cpuTime(): { user: number; system: number } {
    const { user, system } = this.context.cpuTime();
    return { user: this.cpuBefore.user + user, system: this.cpuBefore.system + system };
  }

  get memory(): UserMemory {
    return this.mm.memory;
  }
}
