/** How a futex waiter sleeps: until it is woken, which may have happened before it lay down, or a time. */
import type { Wait } from '../outcome.js';

export interface Sleeper {
  wake: (() => void) | undefined;
}

export function untilWoken(sleeper: Sleeper, isWoken: () => boolean, deadlineNs: number): Wait {
  return {
    deadlineNs,
    interruptible: true,
    arm(wake) {
      sleeper.wake = wake;
      if (isWoken()) wake();
      return () => {
        sleeper.wake = undefined;
      };
    },
  };
}
