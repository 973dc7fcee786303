/**
 * A system call as strace(1) shows it. Arguments that go in are shown as they were when the call began,
 * those that come out when it returns.
 */
import { errnoName } from '../../abi/errno.js';
import { errnoText } from '../../abi/errno-text.js';
import { Enter, Failure, type Outcome, Restart, SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';
import type { Declaration, ShowContext } from './declare.js';
import { hex } from './show.js';

/** Bytes of a string before "..."; strace's -s. */
const STRING_LIMIT = 32;

export interface DecodedCall {
  readonly declaration: Declaration;
  /** What the handler gets; undefined where it could not be decoded. */
  readonly args: unknown[];
  /** The first decoding that failed: the call fails with it. */
  readonly failure: Failure | undefined;
  /** Those that could not be decoded, as addresses; undefined where all could be. */
  readonly undecoded: readonly (string | undefined)[] | undefined;
}

const NO_ARGUMENTS: never[] = [];

export function decodeCall(task: Task, declaration: Declaration): DecodedCall {
  const { context } = task;
  const args: unknown[] = [];
  let undecoded: (string | undefined)[] | undefined;
  let failure: Failure | undefined;
  let i = 0;
  for (const { codec } of declaration.args) {
    const lo = context.argLo(i);
    const hi = context.argHi(i);
    try {
      args.push(codec.decode(task, lo, hi));
    } catch (e) {
      if (!(e instanceof SyscallError)) throw e;
      failure ??= new Failure(e.errno);
      args.push(undefined);
      undecoded ??= [];
      undecoded[i] = hex((hi >>> 0) * 2 ** 32 + (lo >>> 0));
    }
    i++;
  }
  return { declaration, args, failure, undecoded };
}

/** Arguments of a call that begins: undefined what is shown at its return. */
export function showEntry(task: Task, call: DecodedCall): readonly (string | undefined)[] {
  if (call.args.length === 0) return NO_ARGUMENTS;
  const context = showContext(task, call, undefined);
  return call.declaration.args.map(({ codec }, i) => {
    return call.undecoded?.[i] ?? (codec.isOutput ? undefined : codec.show(call.args[i], context));
  });
}

/** All arguments; with `result` undefined, what would have come out is an address. */
export function showArguments(
  task: Task,
  call: DecodedCall,
  shown: readonly (string | undefined)[],
  result: number | undefined,
): readonly string[] {
  if (call.args.length === 0) return NO_ARGUMENTS;
  const context = showContext(task, call, result);
  return call.declaration.args.map(({ codec }, i) => shown[i] ?? codec.show(call.args[i], context));
}

function showContext(
  task: Task,
  { args, declaration }: DecodedCall,
  result: number | undefined,
): ShowContext {
  return { task, args, declaration, result, stringLimit: STRING_LIMIT };
}

/** Undefined: it does not return (exit), or not yet (restart). */
export function resultOf(outcome: Outcome): number | undefined {
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
