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
import type { KernelServices } from '../services.js';
import type { SignalMask } from '../signal/mask.js';
import type { PendingSignals } from '../signal/pending.js';
import type { RunState } from './run.js';
import type { ThreadGroup } from './thread-group.js';

export interface AltStack {
  sp: UserAddr;
  size: number;
  flags: number;
}

export class Task {
  /** prctl(PR_SET_NAME): at most 15 bytes. */
  comm = '';
  /** set_tid_address(2): cleared and woken at exit. */
  clearChildTid = 0 as UserAddr;
  /** set_robust_list(2) */
  robustList = 0 as UserAddr;
  /** Signals not delivered now; `savedMask` is what sigsuspend and ppoll put back. */
  mask: SignalMask = { lo: 0, hi: 0 };
  savedMask: SignalMask | undefined;
  altStack: AltStack = { sp: 0 as UserAddr, size: 0, flags: 2 };
  /** prctl(PR_SET_PDEATHSIG) */
  parentDeathSignal = 0;
  /** What it does now; see run.ts. */
  state: RunState | undefined;
  /** How the task ended, once it has: wait(2) status. */
  exitStatus: number | undefined;
  timerSlackNs = 50_000;
  readonly startMonotonicNs: number;

  constructor(
    readonly kernel: KernelServices,
    readonly tid: Tid,
    readonly group: ThreadGroup,
    public context: Context,
    public mm: MemoryManager,
    public files: FdTable,
    public fs: FsContext,
    public creds: Credentials,
    readonly pending: PendingSignals,
  ) {
    this.startMonotonicNs = kernel.clock.monotonic();
  }

  get memory(): UserMemory {
    return this.mm.memory;
  }
}
