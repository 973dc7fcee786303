/**
 * The real-time interval timer of a thread group: alarm(2), setitimer(ITIMER_REAL). SIGALRM goes to the
 * group each time it runs out.
 */
import { SIG } from '../../abi/signal.js';
import type { KernelServices } from '../services.js';
import { eventBase } from '../task/event-base.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { sendToGroup } from './send.js';
import { kernelSignal } from './siginfo.js';

export interface RealTimer {
  /** Nanoseconds until it runs out; 0: it does not. */
  readonly remainingNs: number;
  readonly intervalNs: number;
}

export function getRealTimer(kernel: KernelServices, group: ThreadGroup): RealTimer {
  const timer = group.realTimer;
  if (!timer) return { remainingNs: 0, intervalNs: 0 };
  // One that is due but not fired yet still runs: 0 would say that it does not.
  const remainingNs = Math.max(1, timer.deadlineNs - kernel.clock.monotonic());
  return { remainingNs, intervalNs: timer.intervalNs };
}

/** Sets it anew and tells what was left of the old one. */
export function setRealTimer(kernel: KernelServices, group: ThreadGroup, next: RealTimer): RealTimer {
  const before = getRealTimer(kernel, group);
  group.realTimer?.cancel();
  group.realTimer = undefined;
  if (next.remainingNs > 0) arm(kernel, group, kernel.clock.monotonic() + next.remainingNs, next.intervalNs);
  const { events } = kernel;
  if (events.wants('timerSet')) {
    const { remainingNs, intervalNs } = next;
    events.emit({
      ...eventBase(group.leader),
      type: 'timerSet',
      timer: 'real',
      id: 0,
      remainingNs,
      intervalNs,
    });
  }
  return before;
}

function arm(kernel: KernelServices, group: ThreadGroup, deadlineNs: number, intervalNs: number): void {
  const cancel = kernel.timers.at(deadlineNs, () => {
    group.realTimer = undefined;
    if (intervalNs > 0) arm(kernel, group, nextTick(kernel, deadlineNs, intervalNs), intervalNs);
    const { events } = kernel;
    if (events.wants('timerExpired')) {
      events.emit({ ...eventBase(group.leader), type: 'timerExpired', timer: 'real', id: 0 });
    }
    sendToGroup(group, kernelSignal(SIG.ALRM));
  });
  group.realTimer = { deadlineNs, intervalNs, cancel };
}

/** The timer of a group that was saved goes on. */
export function restoreRealTimer(kernel: KernelServices, group: ThreadGroup): void {
  const { realTimer } = group;
  if (realTimer) arm(kernel, group, realTimer.deadlineNs, realTimer.intervalNs);
}

/** The first tick that is not past: missed ones are not made up for. */
function nextTick(kernel: KernelServices, deadlineNs: number, intervalNs: number): number {
  const late = Math.max(0, kernel.clock.monotonic() - deadlineNs);
  return deadlineNs + intervalNs * (Math.floor(late / intervalNs) + 1);
}
