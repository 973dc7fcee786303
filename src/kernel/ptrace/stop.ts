/**
 * Stops of tracees, ptrace(2); kernel/signal.c (ptrace_stop, ptrace_do_notify), kernel/ptrace.c.
 *
 * A stop is there (`tracee.stop`) from the moment the tracer is told until it lets the tracee go on, or
 * a kill ends it. The run loop's own stops (system calls, signals, group-stops) are its state 'traced';
 * those in the middle of a call (fork, exec) are waits of that call, which no signal interrupts.
 */
import { PTRACE_EVENT, PTRACE_O, type PtraceEvent } from '../../abi/ptrace.js';
import { CLD, SA, SIG, SIG_IGN } from '../../abi/signal.js';
import type { Blocking } from '../outcome.js';
import { maskHas } from '../signal/mask.js';
import { sendToGroup, sendToTask } from '../signal/send.js';
import { childSignal, kernelSignal, type SignalInfo, userSignal } from '../signal/siginfo.js';
import { kick } from '../task/run-queue.js';
import type { Task } from '../task/task.js';
import { IN } from '../wait.js';
import type { Tracee, TraceStop } from './tracee.js';

export type StopRequest = Pick<TraceStop, 'kind' | 'code' | 'info'>;

/** The tracee stands: its tracer is told. */
export function enterStop(task: Task, tracee: Tracee, request: StopRequest, resume: () => void): TraceStop {
  const stop: TraceStop = { ...request, reported: false, signal: 0, resume };
  tracee.stop = stop;
  tracee.listening = false;
  tellTracer(tracee, task, CLD.TRAPPED, stop.code & 0x7f);
  return stop;
}

/** SIGCHLD about a tracee, and a wake-up of wait(2). */
export function tellTracer(
  { tracer }: Tracee,
  task: Task,
  code: (typeof CLD)[keyof typeof CLD],
  status: number,
): void {
  const { group } = tracer;
  const action = group.actions.get(SIG.CHLD);
  if (action.handler !== SIG_IGN && !(action.flags & SA.NOCLDSTOP)) {
    const about = { pid: task.tid, uid: task.creds.uid, status, utime: 0, stime: 0 };
    sendToGroup(group, childSignal(SIG.CHLD, code, about));
  }
  group.childQueue.notify(IN);
}

/** Lets it go on from its stop, if it is in one. */
export function leaveStop(tracee: Tracee, how: { watch?: Tracee['watch']; signal?: number } = {}): void {
  const { stop } = tracee;
  if (how.watch !== undefined) tracee.watch = how.watch;
  if (!stop) return;
  stop.signal = how.signal ?? 0;
  tracee.stop = undefined;
  tracee.listening = false;
  stop.resume();
}

// --- What the stops look like ---

export function syscallStop(task: Task, kind: 'syscallEntry' | 'syscallExit', tracee: Tracee): StopRequest {
  const code = SIG.TRAP | (tracee.options & PTRACE_O.TRACESYSGOOD ? 0x80 : 0);
  return { kind, code, info: trapInfo(task, code) };
}

export function signalStop(info: SignalInfo): StopRequest {
  return { kind: 'signal', code: info.signo, info };
}

/** Only the trap itself, without a signal behind it: after the set-up of a handler in single steps. */
export function bareStop(task: Task): StopRequest {
  return { kind: 'signal', code: SIG.TRAP, info: trapInfo(task, SIG.TRAP) };
}

/** PTRACE_EVENT_STOP of a seized tracee, or the group-stop of an attached one. */
export function trapStop(task: Task, tracee: Tracee): StopRequest {
  const { stopping, stopped } = task.group;
  const signo = stopping ?? stopped?.signo;
  if (tracee.how === 'attached') return { kind: 'group', code: signo ?? SIG.STOP, info: undefined };
  const code = (signo ?? SIG.TRAP) | (PTRACE_EVENT.STOP << 8);
  return { kind: 'group', code, info: { ...trapInfo(task, code), signo: signo ?? SIG.TRAP } };
}

function trapInfo(task: Task, code: number): SignalInfo {
  return userSignal(SIG.TRAP, task.tid, task.creds.uid, code);
}

// --- Events in the middle of a call ---

/** Stops here until the tracer lets the task go on; nothing when the event was not asked for. */
export function* eventStop(task: Task, event: PtraceEvent, message: number): Blocking<void> {
  const { tracee } = task;
  if (!tracee || !wantsEvent(tracee, event)) return;
  let done = false;
  let wake: (() => void) | undefined;
  tracee.message = message;
  const code = SIG.TRAP | (event << 8);
  const stop = enterStop(task, tracee, { kind: 'event', code, info: trapInfo(task, code) }, () => {
    done = true;
    wake?.();
  });
  try {
    while (!done) {
      yield {
        deadlineNs: Number.POSITIVE_INFINITY,
        interruptible: false,
        arm(w) {
          wake = w;
          if (done) w();
          return () => {
            wake = undefined;
          };
        },
      };
    }
  } finally {
    if (tracee.stop === stop) tracee.stop = undefined;
  }
  sendInjected(task, stop.signal);
}

const OPTION_OF: Readonly<Record<number, number>> = {
  [PTRACE_EVENT.FORK]: PTRACE_O.TRACEFORK,
  [PTRACE_EVENT.VFORK]: PTRACE_O.TRACEVFORK,
  [PTRACE_EVENT.CLONE]: PTRACE_O.TRACECLONE,
  [PTRACE_EVENT.EXEC]: PTRACE_O.TRACEEXEC,
  [PTRACE_EVENT.VFORK_DONE]: PTRACE_O.TRACEVFORKDONE,
  [PTRACE_EVENT.EXIT]: PTRACE_O.TRACEEXIT,
};

export function wantsEvent(tracee: Tracee | undefined, event: PtraceEvent): boolean {
  return tracee !== undefined && (tracee.options & (OPTION_OF[event] ?? 0)) !== 0;
}

/** The end of a task as a stop of the run loop. */
export function exitStop(task: Task, tracee: Tracee, status: number): StopRequest {
  tracee.exitTold = true;
  tracee.message = status;
  const code = SIG.TRAP | (PTRACE_EVENT.EXIT << 8);
  return { kind: 'event', code, info: trapInfo(task, code) };
}

// --- What the tracer answered ---

/** In other stops than that of a signal, a signal given along is sent as if by kill. */
export function sendInjected(task: Task, signo: number): void {
  if (signo !== 0) sendToTask(task, kernelSignal(signo));
}

/** What is to be delivered after a signal stop; undefined: nothing. */
export function signalAfter(task: Task, stop: TraceStop): SignalInfo | undefined {
  const { signal, info } = stop;
  if (signal === 0 || !info) return undefined;
  const tracer = task.tracee?.tracer;
  const chosen =
    signal === info.signo
      ? info
      : userSignal(signal, tracer?.group.pid ?? task.group.parentPid, tracer?.creds.uid ?? 0);
  if (!maskHas(task.mask, signal)) return chosen;
  sendToTask(task, chosen);
  return undefined;
}

/** PTRACE_INTERRUPT, SIGCONT: a seized tracee stops (again) as soon as it can. */
export function requestTrap(task: Task, tracee: Tracee): void {
  tracee.trapPending = true;
  if (tracee.listening) leaveStop(tracee);
  else if (!tracee.stop) kick(task);
}
