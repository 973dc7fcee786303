/**
 * Robust futexes, get_robust_list(2) and Documentation/locking/robust-futex-ABI.rst: a thread that ends
 * with locks held marks them, and one who waits for each learns that the owner died.
 *
 * The list is guest memory, which may say anything: it is walked once, at most ROBUST_LIST_LIMIT steps,
 * and a fault ends the walk. So does an entry seen before: Linux goes round such a ring until its limit, to
 * no other effect.
 */
import {
  FUTEX_OWNER_DIED,
  FUTEX_TID_MASK,
  FUTEX_WAITERS,
  ROBUST_LIST_LIMIT,
  robustListHead,
} from '../../abi/futex.js';
import { userAddr } from '../../base/brand.js';
import type { Task } from '../task/task.js';

/** Throws EFAULT where the list leaves the guest's memory. */
export function wakeRobustFutexes(task: Task): void {
  const head = task.robustList;
  task.robustList = userAddr(0);
  const { next, futexOffset, listOpPending: pending } = task.memory.readStruct(robustListHead, head);
  const seen = new Set<number>();
  let entry = next;
  while (entry !== head && !seen.has(entry) && seen.size < ROBUST_LIST_LIMIT) {
    seen.add(entry);
    // Read on before the lock is given away: its new owner may unlink or free the entry.
    const following = task.memory.readU64(userAddr(clean(entry)));
    if (entry !== pending) ownerDied(task, entry, futexOffset, 'held');
    entry = following;
  }
  if (pending !== 0) ownerDied(task, pending, futexOffset, 'pending');
}

/** Bit 0 of an entry says that the lock inherits priority. */
function clean(entry: number): number {
  return entry - (entry % 2);
}

function ownerDied(task: Task, entry: number, offset: number, which: 'held' | 'pending'): void {
  const inherits = entry % 2 === 1;
  const addr = userAddr(clean(entry) + offset);
  const { futexes } = task.kernel.tasks;
  if (addr % 4 !== 0) return;
  const word = task.memory.readU32(addr);
  // It died between unlocking and waking: the wake-up is ours to give.
  if (which === 'pending' && !inherits && word === 0) {
    futexes.wake(futexes.keyOf(task.mm, addr, 'shared'), 1);
    return;
  }
  if ((word & FUTEX_TID_MASK) !== task.tid) return;
  // A waiter may set its bit between read and write. It is lost then, and no harm done: that waiter's
  // FUTEX_WAIT finds another value than it expects, and looks again.
  task.memory.writeU32(addr, ((word & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0);
  if (!inherits && word & FUTEX_WAITERS) futexes.wake(futexes.keyOf(task.mm, addr, 'shared'), 1);
}
