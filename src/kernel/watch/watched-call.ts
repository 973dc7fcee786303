/**
 * The long way of a system call, taken where somebody wants to know of it or may change it
 * (call-watch.ts): arguments are decoded, interceptors asked, the handler called or not, and events made.
 *
 * Arguments are decoded once: what an interceptor saw is what the handler gets, whatever the guest writes
 * to its memory meanwhile. A call that waits goes on in a generator around its own, which sees how it ends.
 */
import { SIG } from '../../abi/signal.js';
import {
  type Blocking,
  ENTER_EXIT_GROUP,
  Enter,
  Failure,
  failureOf,
  isOutcome,
  type Outcome,
  Restart,
  type Result,
} from '../outcome.js';
import { sendToTask } from '../signal/send.js';
import { kernelSignal } from '../signal/siginfo.js';
import type { Declaration } from '../syscalls/declare.js';
import {
  type DecodedCall,
  decodeCall,
  outcomeText,
  resultOf,
  showArguments,
  showEntry,
} from '../syscalls/strace.js';
import { eventBase } from '../task/event-base.js';
import { startGroupExit } from '../task/group-exit.js';
import type { Task } from '../task/task.js';
import { logOf } from '../task/task-log.js';
import { sleepUntil } from '../wait.js';
import { callPaths } from './call-paths.js';
import type { CallWatch } from './call-watch.js';
import { emitFileEvent } from './file-events.js';
import { HookError, type Interception, type Interceptor } from './interceptor.js';

type Handler = (task: Task, ...args: unknown[]) => Result;

/** What is kept of a call that is observed, until it returns. */
interface Observation {
  /** Guest time. */
  readonly startNs: number;
  readonly shown: readonly (string | undefined)[];
  readonly paths: readonly string[];
}

const NOBODY: readonly Interceptor[] = [];
const NO_FILES: readonly string[] = [];

interface WatchedCall extends DecodedCall {
  /** Those who looked at the call, and hear what it came to. */
  readonly asked: readonly Interceptor[];
  readonly interception: Interception | undefined;
  readonly observation: Observation | undefined;
}

export function callWatched(task: Task, declaration: Declaration, watch: CallWatch): Result {
  try {
    const call = begin(task, declaration, watch);
    const { interception } = call;
    if (interception?.signo !== undefined) sendToTask(task, kernelSignal(interception.signo));
    if (interception?.delayEnterNs || interception?.delayExitNs) return delayed(task, call, interception);
    const result = perform(task, call);
    return isOutcome(result) ? settle(task, call, result) : settleLater(task, call, result);
  } catch (e) {
    return hookFailed(task, e);
  }
}

function begin(task: Task, declaration: Declaration, watch: CallWatch): WatchedCall {
  const decoded = decodeCall(task, declaration);
  const { args, failure, undecoded } = decoded;
  let asked = NOBODY;
  let interception: Interception | undefined;
  if (failure === undefined && watch.isIntercepted(declaration.number)) {
    const heard: Interceptor[] = [];
    interception = intercept(task, decoded, watch, heard);
    asked = heard;
  }
  const observation = observe(task, decoded, watch);
  return { declaration, args, failure, undecoded, asked, interception, observation };
}

/** The first that has something to say says it for all. */
function intercept(
  task: Task,
  { declaration, args }: DecodedCall,
  watch: CallWatch,
  asked: Interceptor[],
): Interception | undefined {
  for (const interceptor of watch.interceptors) {
    if (interceptor.calls[declaration.number] !== 1) continue;
    asked.push(interceptor);
    const interception = interceptor.before(task, declaration, args);
    if (interception) return interception;
  }
  return undefined;
}

function observe(task: Task, call: DecodedCall, watch: CallWatch): Observation | undefined {
  const { declaration, args } = call;
  const { pid } = task.group;
  const { number, name } = declaration;
  if (!watch.isObserved(number, pid)) return undefined;
  const { clock, events, tasks } = task.kernel;
  const timeNs = clock.monotonic();
  const paths = watch.namesFiles[number] === 1 ? callPaths(task, declaration, args) : NO_FILES;
  if (watch.byPath && !watch.isObserved(number, pid, paths)) return undefined;
  const shown = showEntry(task, call);
  if (events.wants('syscallEnter')) {
    const event = {
      seq: 0,
      timeNs,
      pid,
      tid: task.tid,
      shard: tasks.shard,
      type: 'syscallEnter',
      name,
      sysno: number,
      args: showArguments(task, call, shown, undefined),
    } as const;
    events.emit(watch.byPath ? { ...event, paths } : event);
  }
  return { startNs: timeNs, shown, paths };
}

function perform(task: Task, { declaration, args, failure, interception }: WatchedCall): Result {
  if (failure) return failure;
  const outcome = interception?.outcome;
  const instead = interception?.instead;
  if (outcome === undefined) return invoke(task, declaration, args);
  if (instead) invoke(task, instead, []);
  return outcome;
}

function invoke(task: Task, { handler }: Declaration, args: readonly unknown[]): Result {
  try {
    return (handler as Handler)(task, ...args);
  } catch (e) {
    return failureOf(e);
  }
}

/** strace's delays: neither a signal nor a stop ends them, a kill does. */
function* delayed(task: Task, call: WatchedCall, interception: Interception): Blocking<Outcome> {
  const { delayEnterNs = 0, delayExitNs = 0 } = interception;
  const { clock } = task.kernel;
  if (delayEnterNs > 0) yield sleepUntil(clock.monotonic() + delayEnterNs, false);
  const result = perform(task, call);
  const outcome = isOutcome(result) ? result : yield* caught(result);
  if (delayExitNs > 0) yield sleepUntil(clock.monotonic() + delayExitNs, false);
  try {
    return settle(task, call, outcome);
  } catch (e) {
    return hookFailed(task, e);
  }
}

function* settleLater(task: Task, call: WatchedCall, waiting: Blocking<Outcome>): Blocking<Outcome> {
  let outcome: Outcome | undefined;
  try {
    outcome = yield* caught(waiting);
  } finally {
    // The task was killed in the middle of it.
    if (outcome === undefined && call.observation) emitReturn(task, call, call.observation, undefined);
  }
  try {
    return settle(task, call, outcome);
  } catch (e) {
    return hookFailed(task, e);
  }
}

function* caught(waiting: Blocking<Outcome>): Blocking<Outcome> {
  try {
    return yield* waiting;
  } catch (e) {
    return failureOf(e);
  }
}

/** The call has come to something: last words of interceptors, then events. */
function settle(task: Task, call: WatchedCall, outcome: Outcome): Outcome {
  const final = returned(outcome) ? afterwards(task, call, outcome) : outcome;
  if (call.observation) emitReturn(task, call, call.observation, final);
  return final;
}

const returned = (outcome: Outcome): outcome is number | Failure =>
  !(outcome instanceof Enter) && !(outcome instanceof Restart);

/** Who was asked last hears of it first, as after nested calls. */
function afterwards(task: Task, call: WatchedCall, outcome: number | Failure): Outcome {
  if (call.asked.length === 0) return outcome;
  let current: number | Failure = outcome;
  for (const interceptor of call.asked.toReversed()) {
    const changed = interceptor.after?.(task, call.declaration, call.args, current);
    if (changed === undefined) continue;
    if (!returned(changed)) return changed;
    current = changed;
  }
  return current;
}

/** `outcome` undefined: it was abandoned. */
function emitReturn(task: Task, call: WatchedCall, seen: Observation, outcome: Outcome | undefined): void {
  const { calls, clock, events, tasks } = task.kernel;
  const { declaration, interception } = call;
  const result = outcome === undefined ? undefined : resultOf(outcome);
  if (events.wants('syscall')) {
    const text = outcome === undefined ? '?' : outcomeText(declaration, outcome);
    const timeNs = clock.monotonic();
    // Not by spreading parts of it, which takes longer than all the rest.
    const event = {
      seq: 0,
      timeNs,
      pid: task.group.pid,
      tid: task.tid,
      shard: tasks.shard,
      type: 'syscall',
      name: declaration.name,
      sysno: declaration.number,
      args: showArguments(task, call, seen.shown, result),
      result: result ?? null,
      errno: outcome instanceof Failure ? outcome.errno : 0,
      resultText: interception ? `${text} (${interception.mark})` : text,
      durationNs: timeNs - seen.startNs,
    } as const;
    events.emit(calls?.byPath ? { ...event, paths: seen.paths } : event);
  }
  if (result !== undefined && result >= 0) {
    emitFileEvent(task, { sysno: declaration.number, paths: seen.paths, args: call.args, result });
  }
}

/** Code of the embedder failed: its guest ends, the kernel goes on. */
function hookFailed(task: Task, error: unknown): Outcome {
  if (!(error instanceof HookError)) throw error;
  const { events } = task.kernel;
  const { module, message: why } = error;
  logOf(task).error({ module, why }, 'a hook failed; its process is killed');
  if (events.wants('hookError')) events.emit({ ...eventBase(task), type: 'hookError', module, why });
  startGroupExit(task.group, SIG.KILL);
  return ENTER_EXIT_GROUP;
}
