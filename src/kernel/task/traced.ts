/**
 * The run loop of tracees, ptrace(2): where a traced task stands between a trap and the next resume,
 * and how each stop goes on. Compare gVisor's ptrace.go; the stops themselves are ../ptrace/stop.ts.
 */
import { PTRACE_EVENT } from '../../abi/ptrace.js';
import { SIG, SIG_IGN, TRAP } from '../../abi/signal.js';
import {
  bareStop,
  enterStop,
  exitStop,
  type StopRequest,
  sendInjected,
  signalAfter,
  signalStop,
  syscallStop,
  trapStop,
  wantsEvent,
} from '../ptrace/stop.js';
import type { Tracee, TraceStop } from '../ptrace/tracee.js';
import { deliver } from '../signal/deliver.js';
import { joinGroupStop } from '../signal/job-control.js';
import { forceSignal } from '../signal/send.js';
import type { SignalInfo } from '../signal/siginfo.js';
import { exitTask } from './exit.js';
import { enter, toGuest } from './run.js';
import { IN_KERNEL, type TracedState } from './state.js';
import { atRest } from './stop.js';
import type { Task } from './task.js';

/** The task stands until its tracer lets it go on. */
function stand(task: Task, tracee: Tracee, request: StopRequest, then: (stop: TraceStop) => void): void {
  const stop = enterStop(task, tracee, request, () => task.kernel.tasks.runQueue.add(task));
  task.state = { name: 'traced', goOn: () => then(stop) };
  atRest(task);
}

export function stopAtEntry(task: Task, tracee: Tracee): void {
  stand(task, tracee, syscallStop(task, 'syscallEntry', tracee), ({ signal }) => {
    sendInjected(task, signal);
    // The tracer took the call away: the result is what it left there.
    if (task.context.syscallNumber() < 0) stopAtReturn(task, tracee);
    else enter(task);
  });
}

export function stopAtReturn(task: Task, tracee: Tracee): void {
  if (task.tracee === tracee && tracee.watch === 'syscall') {
    stand(task, tracee, syscallStop(task, 'syscallExit', tracee), ({ signal }) => {
      sendInjected(task, signal);
      toGuest(task);
    });
    return;
  }
  // The trap of a step over a system call is ours to give: the host steps over the whole of us.
  if (task.tracee?.watch === 'step') {
    const addr = task.context.getPc();
    forceSignal(task, { signo: SIG.TRAP, code: TRAP.BRKPT, kind: 'fault', addr, error: 0, trapno: 1 });
  }
  toGuest(task);
}

/** Group-stop, PTRACE_INTERRUPT, or the first stop of a new tracee. */
export function stopAsAsked(task: Task, tracee: Tracee): void {
  const request = trapStop(task, tracee);
  tracee.trapPending = false;
  const joining = task.stopPending;
  stand(task, tracee, request, () => lookAgain(task));
  if (joining) joinGroupStop(task);
}

export function stopAtSignal(task: Task, tracee: Tracee, info: SignalInfo): void {
  stand(task, tracee, signalStop(info), (stop) => {
    const chosen = signalAfter(task, stop);
    if (!chosen) {
      lookAgain(task);
      return;
    }
    const handled = task.group.actions.get(chosen.signo).handler > SIG_IGN;
    deliver(task, chosen);
    // A step into a handler ends at its first instruction.
    if (handled && task.tracee?.watch === 'step') {
      stand(task, task.tracee, bareStop(task), () => lookAgain(task));
    } else {
      lookAgain(task);
    }
  });
}

function lookAgain(task: Task): void {
  task.attention = true;
  toGuest(task);
}

/** The end of a task, of which its tracer may want to hear first. */
export function leave(task: Task): void {
  const { tracee, group } = task;
  if (wantsEvent(tracee, PTRACE_EVENT.EXIT) && tracee && !tracee.exitTold && group.exiting !== SIG.KILL) {
    const status = group.exiting ?? task.exitStatus ?? SIG.KILL;
    stand(task, tracee, exitStop(task, tracee, status), () => exitTask(task));
    return;
  }
  exitTask(task);
}

export function goOnTraced(task: Task, { goOn }: TracedState): void {
  const { tracee } = task;
  const leaving = tracee?.exitTold === true;
  if (task.killed && (!leaving || task.group.exiting === SIG.KILL)) {
    if (tracee) tracee.stop = undefined;
    task.state = IN_KERNEL;
    exitTask(task);
    return;
  }
  if (tracee?.stop || task.stopCount > 0) return;
  task.state = IN_KERNEL;
  goOn();
}
