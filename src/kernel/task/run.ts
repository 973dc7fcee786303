/**
 * The run loop of tasks: from a trap to the next resume. Compare gVisor's task_run.go.
 *
 * One function per state (state.ts); each ends by letting the guest go on, by leaving the task blocked
 * or stopped, or by ending it. `onTrap` is the hot path: a system call that returns a number allocates
 * nothing here. Nothing here runs another task: that is the run queue's, drained by runReady.
 *
 * An error that is no SyscallError is a bug of ours: it is logged, and ends the guest, not the kernel.
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { SIG } from '../../abi/signal.js';
import { type AddressSpace, type Context, GuestBroken, type TrapSink } from '../../platform/platform.js';
import {
  type Blocking,
  Failure,
  fail,
  isOutcome,
  type Outcome,
  Restart,
  type Result,
  type Resumed,
  SyscallError,
  type Wait,
  type Wake,
} from '../outcome.js';
import type { KernelServices } from '../services.js';
import { deliver } from '../signal/deliver.js';
import { joinGroupStop } from '../signal/job-control.js';
import { forceSignal, hasDeliverable, restoreMask, takeSignal } from '../signal/send.js';
import { eventBase } from './event-base.js';
import { exitTask } from './exit.js';
import { logFault } from './fault-line.js';
import { startGroupExit } from './group-exit.js';
import {
  type BlockedState,
  DEAD,
  GUEST,
  IN_KERNEL,
  type RunState,
  STOPPED,
  STOPPED_AT_TRAP,
} from './state.js';
import { atRest } from './stop.js';
import { Task } from './task.js';
import { logOf } from './task-log.js';
import type { TaskSet } from './task-set.js';
import { goOnTraced, leave, stopAsAsked, stopAtEntry, stopAtReturn, stopAtSignal } from './traced.js';

export type { RunState };

/** What the platform is attached to. */
export function trapSink(kernel: KernelServices): TrapSink {
  return {
    onTrap(context: Context): void {
      const { owner } = context;
      // A context between its task's end and its own has no owner.
      if (owner instanceof Task) onTrap(owner);
      if (!kernel.tasks.runQueue.empty) runReady(kernel.tasks);
    },
    onDeath(space: AddressSpace, why: string): void {
      spaceIsGone(kernel.tasks, space, why);
      runReady(kernel.tasks);
    },
  };
}

/** The task's guest trapped. Afterwards it runs again, or waits for something, or is gone. */
export function onTrap(task: Task): void {
  task.state = IN_KERNEL;
  task.kernel.tasks.current = task;
  try {
    if (task.attention && mustNotServe(task)) return;
    serve(task);
  } catch (e) {
    broken(task, e);
  }
}

/**
 * Runs every task that has something to do. The shard calls this after whatever may have woken tasks and
 * is not a trap: timers, host descriptors, messages.
 */
export function runReady(tasks: TaskSet): void {
  for (let task = tasks.runQueue.take(); task; task = tasks.runQueue.take()) {
    try {
      go(task);
    } catch (e) {
      broken(task, e);
    }
  }
}

/** Lets a task run for the first time. */
export function start(task: Task): void {
  if (task.state.name === 'new') task.kernel.tasks.runQueue.add(task);
}

/** A task that is to die or to rest does not carry out its trap; when it rests it does so afterwards. */
function mustNotServe(task: Task): boolean {
  if (task.killed) {
    leave(task);
    return true;
  }
  if (task.stopCount === 0) return false;
  task.state = STOPPED_AT_TRAP;
  atRest(task);
  return true;
}

function serve(task: Task): void {
  const { trap } = task.context;
  switch (trap.kind) {
    case 'syscall':
      if (task.tracee?.watch === 'syscall') stopAtEntry(task, task.tracee);
      else enter(task);
      return;
    case 'fault':
      faulted(task);
      break;
    case 'interrupt':
      break;
    case 'exited':
      spaceIsGone(task.kernel.tasks, task.context.addressSpace, 'a guest thread ended by itself');
      return;
  }
  toGuest(task);
}

/** Carries out the system call. */
export function enter(task: Task): void {
  const result = task.kernel.tasks.dispatch(task);
  if (typeof result === 'number' && !task.tracee) {
    task.context.setReturn(result);
    if (task.savedMask) restoreMask(task);
    toGuest(task);
  } else {
    settleResult(task, result);
  }
}

function settleResult(task: Task, result: Result): void {
  if (isOutcome(result)) complete(task, result);
  else drive(task, result, undefined);
}

function faulted(task: Task): void {
  const { signo, code, addr, error, trapno } = task.context.trap;
  task.restart = undefined;
  if (signo === SIG.SEGV && task.mm.growStack(addr, { limits: task.group.limits, creds: task.creds })) return;
  const { events } = task.kernel;
  if (events.wants('fault')) events.emit({ ...eventBase(task), type: 'fault', signo, code, addr });
  logFault(task);
  forceSignal(task, { signo, code, kind: 'fault', addr, error, trapno });
}

/** A system call came to something. A temporary mask ends with it, or, when a signal ended it, in attend. */
function complete(task: Task, outcome: Outcome): void {
  let interrupted = false;
  if (typeof outcome === 'number') {
    task.context.setReturn(outcome);
  } else if (outcome instanceof Failure) {
    task.context.setReturn(-outcome.errno);
    interrupted = outcome.errno === E.EINTR;
  } else if (outcome instanceof Restart) {
    task.restart = outcome;
    task.context.setReturn(-RESTART_ERRNO[outcome.rule]);
    interrupted = true;
  } else if (outcome.state === 'exit' || outcome.state === 'exitGroup') {
    leave(task);
    return;
  }
  if (interrupted) task.attention = true;
  else if (task.savedMask) restoreMask(task);
  if (task.tracee) stopAtReturn(task, task.tracee);
  else toGuest(task);
}

/** What the guest never sees, but its tracer does: include/linux/errno.h. */
const RESTART_ERRNO = { ifSaRestart: 512, always: 513, unlessHandled: 514, block: 516 } as const;

export function toGuest(task: Task): void {
  if (task.attention && !attend(task)) return;
  task.state = GUEST;
  if (task.tracee) task.context.singleStep = task.tracee.watch === 'step';
  task.kernel.away?.letGo(task);
  task.context.resume();
}

/** Sees to kills, stops and signals. False when the guest does not go on now. */
function attend(task: Task): boolean {
  do {
    for (;;) {
      if (task.killed) {
        leave(task);
        return false;
      }
      if (task.tracee && (task.stopPending || task.tracee.trapPending)) {
        stopAsAsked(task, task.tracee);
        return false;
      }
      if (task.stopPending) joinGroupStop(task);
      if (task.stopCount > 0) {
        task.state = STOPPED;
        atRest(task);
        return false;
      }
      const info = takeSignal(task);
      if (!info) break;
      if (task.tracee) {
        stopAtSignal(task, task.tracee, info);
        return false;
      }
      deliver(task, info);
    }
    task.attention = false;
    if (task.restart) startAnew(task, task.restart);
    restoreMask(task);
  } while (task.attention);
  return true;
}

/** No handler ran (it would have settled this): the call starts anew as if nothing had been. */
function startAnew(task: Task, { rule, deadlineNs }: Restart): void {
  task.restart = undefined;
  // A debugger that moved the guest elsewhere says so by taking the number away.
  if (task.context.syscallNumber() < 0) return;
  if (rule !== 'block' || deadlineNs === undefined) {
    task.context.rewindSyscall();
    return;
  }
  const asked = task.context.syscallNumber();
  const number = asked === NR.restart_syscall ? (task.restartBlock?.number ?? asked) : asked;
  task.restartBlock = { number, deadlineNs };
  task.context.rewindSyscall(NR.restart_syscall);
}

/** Goes on with a call that may have to wait (again). */
function drive(task: Task, call: Blocking<Outcome>, wake: Wake | undefined): void {
  task.state = IN_KERNEL;
  let step: IteratorResult<Wait, Outcome>;
  try {
    step = wake === undefined ? call.next() : call.next(wake);
  } catch (e) {
    if (!(e instanceof SyscallError)) throw e;
    step = { done: true, value: fail(e.errno) };
  }
  if (!step.done) {
    blockOn(task, call, step.value);
    return;
  }
  complete(task, step.value);
}

function blockOn(task: Task, call: Blocking<Outcome>, wait: Wait): void {
  const state: BlockedState = {
    name: 'blocked',
    call,
    wait,
    woken: undefined,
    disarm: undefined,
    cancelTimer: undefined,
  };
  task.state = state;
  state.disarm = wait.arm(() => wakeBlocked(task, state, 'ready'));
  if (wait.deadlineNs !== Number.POSITIVE_INFINITY) {
    const expired = (): void => wakeBlocked(task, state, 'timedOut');
    state.cancelTimer = task.kernel.timers.at(wait.deadlineNs, expired);
  }
  const { events, tasks } = task.kernel;
  if (events.wants('block')) events.emit({ ...eventBase(task), type: 'block' });
  if (task.attention) tasks.runQueue.add(task);
  atRest(task);
}

function wakeBlocked(task: Task, state: BlockedState, how: Wake): void {
  if (task.state !== state || state.woken) return;
  state.woken = how;
  task.kernel.tasks.runQueue.add(task);
}

/** A task from the run queue. */
function go(task: Task): void {
  const { state } = task;
  task.kernel.tasks.current = task;
  switch (state.name) {
    case 'new':
      if (state.first && !task.killed) {
        if (task.stopCount === 0) drive(task, state.first, undefined);
        break;
      }
      task.state = IN_KERNEL;
      toGuest(task);
      break;
    case 'stopped':
      if (task.stopCount > 0 && !task.killed) break;
      if (state === STOPPED_AT_TRAP) onTrap(task);
      else if (state.resumed) startResumed(task, state.resumed);
      else {
        task.state = IN_KERNEL;
        toGuest(task);
      }
      break;
    case 'blocked':
      unblock(task, state);
      break;
    case 'traced':
      goOnTraced(task, state);
      break;
    case 'guest':
    case 'kernel':
    case 'dead':
      break;
  }
}

/** What the call is to know it asks for before it first waits: it is gone by the next one. */
function startResumed(task: Task, resumed: Resumed): void {
  task.resumed = resumed;
  try {
    onTrap(task);
  } finally {
    task.resumed = undefined;
  }
}

function unblock(task: Task, state: BlockedState): void {
  if (task.killed) {
    abandon(task, state);
    leave(task);
    return;
  }
  // Frozen: what woke it stays noted until the stop ends.
  if (task.stopCount > 0) return;
  const work = task.stopPending || task.tracee?.trapPending || hasDeliverable(task);
  if (!state.woken && state.wait.interruptible && task.attention && work) state.woken = 'interrupted';
  if (!state.woken) return;
  settle(state);
  tellWake(task, state.woken);
  drive(task, state.call, state.woken);
}

function settle(state: BlockedState): void {
  state.disarm?.();
  state.disarm = undefined;
  state.cancelTimer?.();
  state.cancelTimer = undefined;
}

/** A frozen task that was woken does what is left of its call, and comes to rest; false when it was not. */
export function finish(task: Task): boolean {
  const { state } = task;
  if (state.name !== 'blocked' || !state.woken) return false;
  task.kernel.tasks.current = task;
  try {
    settle(state);
    drive(task, state.call, state.woken);
  } catch (e) {
    broken(task, e);
  }
  return true;
}

/** Nobody waits for what the task does any more; it is where it was before its call (deputies). */
export function abandonCall(task: Task): void {
  if (task.state.name === 'blocked') abandon(task, task.state);
  if (task.state !== DEAD) task.state = GUEST;
}

function tellWake(task: Task, how: Wake | 'killed'): void {
  const { events } = task.kernel;
  if (events.wants('wake')) events.emit({ ...eventBase(task), type: 'wake', how });
}

/** The call will never go on: it lets go of what it holds. */
export function abandon(task: Task, state: BlockedState): void {
  settle(state);
  tellWake(task, 'killed');
  task.state = IN_KERNEL;
  state.call.return(0);
}

/** The host process behind an address space is gone, or not to be believed: nobody in it can go on. */
function spaceIsGone(tasks: TaskSet, space: AddressSpace, why: string): void {
  const victims = [...tasks.all()].filter((t) => t.context.addressSpace === space && t.state.name !== 'dead');
  for (const task of victims) {
    const { events } = task.kernel;
    logOf(task).warn({ why }, 'guest is broken');
    if (events.wants('guestBroken')) events.emit({ ...eventBase(task), type: 'guestBroken', why });
    startGroupExit(task.group, SIG.KILL);
  }
  for (const task of victims) {
    if (task.state.name === 'blocked') abandon(task, task.state);
    exitTask(task);
  }
}

/** Something was thrown that is no errno. */
function broken(task: Task, error: unknown): void {
  const { kernel, context } = task;
  if (error instanceof GuestBroken) {
    const space = context.addressSpace;
    spaceIsGone(kernel.tasks, space, error.message);
    space.release();
    return;
  }
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
  logOf(task).error({ why }, 'bug in a system call');
  if (task.state.name === 'dead') return;
  if (kernel.events.wants('guestBroken')) {
    kernel.events.emit({ ...eventBase(task), type: 'guestBroken', why: `bug in troupe: ${why}` });
  }
  startGroupExit(task.group, SIG.KILL);
  if (task.state.name === 'blocked') abandon(task, task.state);
  exitTask(task);
}
