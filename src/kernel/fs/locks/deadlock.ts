/**
 * Finds cycles of processes that wait for each other's POSIX record locks: F_SETLKW answers EDEADLK
 * instead of waiting for ever (fcntl(2)). Linux: posix_locks_deadlock.
 */

/** Who waits for whom: at most one entry a waiter that blocks (a thread of a process waits for all). */
const waitsFor = new Map<object, object>();

/** Whether `owner` waiting for `holder` would close a circle. */
export function wouldDeadlock(owner: object, holder: object): boolean {
  let steps = 0;
  for (let at: object | undefined = holder; at; at = waitsFor.get(at)) {
    if (at === owner) return true;
    if (++steps > waitsFor.size) return false;
  }
  return false;
}

export function startWaiting(owner: object, holder: object): void {
  waitsFor.set(owner, holder);
}

export function stopWaiting(owner: object): void {
  waitsFor.delete(owner);
}
