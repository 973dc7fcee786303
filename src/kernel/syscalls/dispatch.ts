/**
 * From a trapped task to the outcome of its system call: looks up the declaration, decodes the
 * registers by position, calls the handler. The hottest path of the kernel: it allocates nothing of
 * its own, and tracing costs one load when it is off.
 *
 * A SyscallError becomes a Failure here, in this one place; whatever else is thrown is a bug (or a
 * broken guest) and goes through to the run loop. Generators that throw are the run loop's to catch
 * (`failureOf`).
 */
import { E } from '../../abi/errno.js';
import { syscallName, X32_SYSCALL_BIT } from '../../abi/numbers.js';
import type { Context } from '../../platform/platform.js';
import { Enter, Failure, fail, type Outcome, Restart, type Result, SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';
import type { Arg, Declaration } from './declare.js';
import { traceEntry, traceReturn } from './strace.js';
import { SyscallTrace } from './syscall-trace.js';
import { table } from './table.js';
import { reportUnimplemented } from './unimplemented.js';

type Handler = (task: Task, ...args: unknown[]) => Result;

/** Carries out the system call that `task` trapped with, or goes on with it as another one (restart_syscall). */
export function dispatch(task: Task, number: number = task.context.syscallNumber()): Result {
  const declaration = table[number];
  if (declaration === undefined) return unknownNumber(task, number);
  try {
    const trace = traceOf(task);
    if (trace?.wants(number)) return callTraced(task, declaration, trace);
    return call(task, declaration);
  } catch (e) {
    return failureOf(e);
  }
}

/** The failure that a thrown SyscallError stands for; anything else is thrown again. */
export function failureOf(error: unknown): Failure {
  if (error instanceof SyscallError) return fail(error.errno);
  throw error;
}

/** True for what is not a generator. */
export function isOutcome(result: Result): result is Outcome {
  return (
    typeof result === 'number' ||
    result instanceof Failure ||
    result instanceof Restart ||
    result instanceof Enter
  );
}

function call(task: Task, declaration: Declaration): Result {
  const { args } = declaration;
  const handler = declaration.handler as Handler;
  const c = task.context;
  switch (args.length) {
    case 0:
      return handler(task);
    case 1:
      return handler(task, decode(task, c, args, 0));
    case 2:
      return handler(task, decode(task, c, args, 0), decode(task, c, args, 1));
    case 3:
      return handler(task, decode(task, c, args, 0), decode(task, c, args, 1), decode(task, c, args, 2));
    case 4:
      return handler(
        task,
        decode(task, c, args, 0),
        decode(task, c, args, 1),
        decode(task, c, args, 2),
        decode(task, c, args, 3),
      );
    case 5:
      return handler(
        task,
        decode(task, c, args, 0),
        decode(task, c, args, 1),
        decode(task, c, args, 2),
        decode(task, c, args, 3),
        decode(task, c, args, 4),
      );
    default:
      return handler(
        task,
        decode(task, c, args, 0),
        decode(task, c, args, 1),
        decode(task, c, args, 2),
        decode(task, c, args, 3),
        decode(task, c, args, 4),
        decode(task, c, args, 5),
      );
  }
}

function decode(task: Task, context: Context, args: readonly Arg<unknown>[], index: number): unknown {
  return args[index]?.codec.decode(task, context.argLo(index), context.argHi(index));
}

function callTraced(task: Task, declaration: Declaration, trace: SyscallTrace): Result {
  const args = traceEntry(task, declaration, trace);
  let result: Result;
  try {
    result = args instanceof Failure ? args : (declaration.handler as Handler)(task, ...args);
  } catch (e) {
    result = failureOf(e);
  }
  if (isOutcome(result)) traceReturn(task, result);
  return result;
}

/** For kernels whose boot gave no settings: everything that is listened for. */
const EVERYTHING = new SyscallTrace();

function traceOf(task: Task): SyscallTrace | undefined {
  const { syscallTrace, events } = task.kernel;
  if (syscallTrace !== undefined) return syscallTrace.active ? syscallTrace : undefined;
  return events.wants('syscall') ? EVERYTHING : undefined;
}

/** A number without a meaning, or one of the x32 ABI: ENOSYS. */
function unknownNumber(task: Task, number: number): Failure {
  const x32 = number >= X32_SYSCALL_BIT;
  const name = x32 ? `x32 ${syscallName(number & ~X32_SYSCALL_BIT) ?? 'call'}` : `syscall_${number}`;
  reportUnimplemented(task, number, name);
  return fail(E.ENOSYS);
}
