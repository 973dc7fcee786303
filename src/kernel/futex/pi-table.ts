/**
 * Priority-inheriting futexes, FUTEX_LOCK_PI of futex(2); kernel/futex/pi.c. The word holds the number
 * of the thread that owns the lock; here is who waits for it, and who is next.
 *
 * What is inherited is the lock: it is handed to the waiter of the highest priority, not thrown open to
 * whoever comes first. The host schedules the threads, so no priority is lent meanwhile.
 *
 * The word changes hands safely: guests take and free it by compare-and-exchange of 0 and their number,
 * which fails while FUTEX_WAITERS is set. The bit is set atomically (AddressSpace.markWord) before
 * anything is decided, and from then on every change comes through the kernel, one after another.
 */
import { E } from '../../abi/errno.js';
import { FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS } from '../../abi/futex.js';
import type { UserAddr } from '../../base/brand.js';
import { Failure, fail, SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';
import type { FutexKey } from './futex-table.js';

export class PiWaiter {
  /** It owns the lock now. */
  granted = false;
  /** Set while its task sleeps. */
  wake: (() => void) | undefined;
  /** What it waits for, once it is in the queue. */
  lock: PiLock | undefined;

  constructor(
    readonly task: Task,
    /** Where the word lies in its memory. */
    readonly at: UserAddr,
  ) {}
}

/** A lock that somebody waits for. */
interface PiLock {
  readonly key: FutexKey;
  owner: Task | undefined;
  readonly waiters: PiWaiter[];
}

export class PiTable {
  private readonly _locks = new Set<PiLock>();

  /** Takes the lock for the waiter, or puts it in the queue ('queued'); 'busy' when it is not to wait. */
  lock(waiter: PiWaiter, key: FutexKey, patience: 'wait' | 'try'): 'owned' | 'queued' | 'busy' | Failure {
    const { task, at } = waiter;
    const seen = this._ownerOf(task, at);
    if (seen instanceof Failure) return seen;
    if (seen && patience === 'try') return 'busy';
    if (task.mm.space.markWord(at) < 0) return fail(E.EFAULT);
    // Only now nobody changes it behind our back.
    const owner = this._ownerOf(task, at);
    if (owner instanceof Failure) return owner;
    const lock = this._find(key);
    if (!owner) {
      const died = task.memory.readU32(at) & FUTEX_OWNER_DIED;
      this._give(waiter, lock, died);
      return 'owned';
    }
    if (this._wouldWaitForEver(task, owner)) return fail(E.EDEADLK);
    this._enqueue(waiter, lock ?? this._make(key), owner);
    return 'queued';
  }

  /** Hands the lock to the next, or frees it. EPERM when it is not this task's. */
  unlock(task: Task, at: UserAddr, key: FutexKey): Failure | undefined {
    if ((task.memory.readU32(at) & FUTEX_TID_MASK) !== task.tid) return fail(E.EPERM);
    const lock = this._find(key);
    if (lock) this._handOver(lock, 0);
    else task.memory.writeU32(at, 0);
    return undefined;
  }

  /** It does not wait any more: it was interrupted, or its time is over. */
  cancel(waiter: PiWaiter): void {
    const { lock } = waiter;
    if (!lock) return;
    waiter.lock = undefined;
    lock.waiters.splice(lock.waiters.indexOf(waiter), 1);
    if (lock.waiters.length === 0) this._locks.delete(lock);
  }

  /** A thread ends: what it owned and others wait for is theirs, with a mark that its owner died. */
  ownerDied(task: Task): void {
    for (const lock of [...this._locks]) {
      if (lock.owner === task) this._handOver(lock, FUTEX_OWNER_DIED);
    }
  }

  private _find(key: FutexKey): PiLock | undefined {
    for (const lock of this._locks) if (lock.key.space === key.space && lock.key.at === key.at) return lock;
    return undefined;
  }

  private _make(key: FutexKey): PiLock {
    const lock: PiLock = { key, owner: undefined, waiters: [] };
    this._locks.add(lock);
    return lock;
  }

  /** The task that the word names; undefined when it is free. */
  private _ownerOf(task: Task, at: UserAddr): Task | undefined | Failure {
    const tid = task.memory.readU32(at) & FUTEX_TID_MASK;
    if (tid === 0) return undefined;
    if (tid === task.tid) return fail(E.EDEADLK);
    const owner = task.kernel.tasks.byTid(tid);
    return owner && owner.state.name !== 'dead' ? owner : fail(E.ESRCH);
  }

  /** Whether the owner waits, maybe over others, for something that the task owns. */
  private _wouldWaitForEver(task: Task, owner: Task): boolean {
    const seen = new Set<Task>();
    for (let next: Task | undefined = owner; next && !seen.has(next); ) {
      if (next === task) return true;
      seen.add(next);
      const blocked: Task = next;
      next = undefined;
      for (const lock of this._locks) {
        if (lock.waiters.some((w) => w.task === blocked)) next = lock.owner;
      }
    }
    return false;
  }

  /** The highest priority first; equals in the order they came. */
  private _enqueue(waiter: PiWaiter, lock: PiLock, owner: Task): void {
    const { priority } = waiter.task.scheduling;
    const behind = lock.waiters.findIndex((w) => w.task.scheduling.priority < priority);
    lock.waiters.splice(behind < 0 ? lock.waiters.length : behind, 0, waiter);
    lock.owner = owner;
    waiter.lock = lock;
  }

  private _handOver(lock: PiLock, mark: number): void {
    const next = lock.waiters.shift();
    if (!next) return;
    next.lock = undefined;
    this._give(next, lock, mark);
    next.wake?.();
  }

  private _give(waiter: PiWaiter, lock: PiLock | undefined, mark: number): void {
    const others = lock !== undefined && lock.waiters.length > 0;
    const word = (waiter.task.tid | (others ? FUTEX_WAITERS : 0) | mark) >>> 0;
    waiter.granted = true;
    if (lock && others) lock.owner = waiter.task;
    else if (lock) this._locks.delete(lock);
    try {
      waiter.task.memory.writeU32(waiter.at, word);
    } catch (e) {
      // It has no such memory any more: that shows when it next looks.
      if (!(e instanceof SyscallError)) throw e;
    }
  }
}
