/**
 * System calls as strace(1) prints them. Arguments that go in are shown as they were when the call
 * began, those that come out when it returns; the line is made at the return.
 *
 * The record of a call that blocks is kept until `traceReturn` says what became of it.
 */
import { errnoName } from '../../abi/errno.js';
import { errnoText } from '../../abi/errno-text.js';
import { Enter, Failure, type Outcome, Restart, SyscallError } from '../outcome.js';
import { eventBase } from '../task/event-base.js';
import type { Task } from '../task/task.js';
import type { Declaration, ShowContext } from './declare.js';
import { hex } from './show.js';
import type { SyscallTrace } from './syscall-trace.js';

interface CallRecord {
  readonly declaration: Declaration;
  readonly args: unknown[];
  /** Undefined: shown at the return. */
  readonly shown: (string | undefined)[];
  readonly stringLimit: number;
}

const calls = new WeakMap<Task, CallRecord>();

/**
 * Decodes the arguments of a call that begins and remembers it. A failure is the first decoding that
 * failed; its argument is shown as an address.
 */
export function traceEntry(task: Task, declaration: Declaration, trace: SyscallTrace): unknown[] | Failure {
  const { context } = task;
  const args: unknown[] = [];
  const shown: (string | undefined)[] = [];
  let failure: Failure | undefined;
  for (const [i, { codec }] of declaration.args.entries()) {
    const lo = context.argLo(i);
    const hi = context.argHi(i);
    try {
      args.push(codec.decode(task, lo, hi));
      shown.push(undefined);
    } catch (e) {
      if (!(e instanceof SyscallError)) throw e;
      failure ??= new Failure(e.errno);
      args.push(undefined);
      shown.push(hex((hi >>> 0) * 2 ** 32 + (lo >>> 0)));
    }
  }
  const record = { declaration, args, shown, stringLimit: trace.stringLimit };
  const call = showContext(task, record, undefined);
  for (const [i, { codec }] of declaration.args.entries()) {
    if (!codec.isOutput) shown[i] ??= codec.show(args[i], call);
  }
  calls.set(task, record);
  return failure ?? args;
}

/**
 * Emits the event and line of the traced call that `task` was in; nothing when it was in none. The run
 * loop calls it when a call that blocked has its outcome; dispatch calls it for the others.
 */
export function traceReturn(task: Task, outcome: Outcome): void {
  const record = calls.get(task);
  if (record === undefined) return;
  calls.delete(task);
  const { declaration } = record;
  const result = resultOf(outcome);
  const call = showContext(task, record, result);
  const args = record.shown.map((s, i) => s ?? declaration.args[i]?.codec.show(record.args[i], call) ?? '');
  task.kernel.events.emit({
    ...eventBase(task),
    type: 'syscall',
    name: declaration.name,
    number: declaration.number,
    args,
    result: result ?? 0,
    line: `[${task.tid}] ${declaration.name}(${args.join(', ')}) = ${outcomeText(declaration, outcome)}`,
  });
}

function showContext(task: Task, record: CallRecord, result: number | undefined): ShowContext {
  const { args, declaration, stringLimit } = record;
  return { task, args, declaration, result, stringLimit };
}

/** Undefined: it does not return (exit), or not yet (restart). */
function resultOf(outcome: Outcome): number | undefined {
  if (typeof outcome === 'number') return outcome;
  if (outcome instanceof Failure) return -outcome.errno;
  if (outcome instanceof Enter && outcome.state === 'exec') return 0;
  return undefined;
}

const RESTARTS = {
  always: 'ERESTARTNOINTR (To be restarted)',
  unlessHandled: 'ERESTARTNOHAND (To be restarted if no handler)',
  ifSaRestart: 'ERESTARTSYS (To be restarted if SA_RESTART is set)',
  block: 'ERESTART_RESTARTBLOCK (Interrupted by signal)',
} as const;

export function outcomeText(declaration: Declaration, outcome: Outcome): string {
  if (outcome instanceof Failure) {
    return `-1 ${errnoName(outcome.errno)} (${errnoText(outcome.errno)})`;
  }
  if (outcome instanceof Restart) return `? ${RESTARTS[outcome.rule]}`;
  if (outcome instanceof Enter) return outcome.state === 'exec' ? '0' : '?';
  switch (declaration.returns) {
    case 'address':
      return hex(outcome);
    case 'octal':
      return `0${outcome.toString(8)}`;
    case 'none':
      return '?';
    case 'number':
      return String(outcome);
  }
}
