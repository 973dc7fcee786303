/**
 * From a trapped task to the outcome of its system call: looks up the declaration, decodes the
 * registers by position, calls the handler. The hottest path of the kernel: it allocates nothing of
 * its own, and watching costs one load when nobody does (../watch).
 *
 * A SyscallError becomes a Failure here, in this one place; whatever else is thrown is a bug (or a
 * broken guest) and goes through to the run loop. Generators that throw are the run loop's to catch.
 */
import { E } from '../../abi/errno.js';
import { syscallName, X32_SYSCALL_BIT } from '../../abi/numbers.js';
import type { Context } from '../../platform/platform.js';
import { type Failure, fail, failureOf, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { callWatched } from '../watch/watched-call.js';
import type { Arg, Declaration } from './declare.js';
import { table } from './table.js';
import { reportUnimplemented } from './unimplemented.js';

type Handler = (task: Task, ...args: unknown[]) => Result;

/** Carries out the system call that `task` trapped with, or goes on with it as another one (restart_syscall). */
export function dispatch(task: Task, number: number = task.context.syscallNumber()): Result {
  const declaration = table[number];
  if (declaration === undefined) return unknownNumber(task, number);
  try {
    const { calls } = task.kernel;
    if (calls !== undefined && calls.interest[number] !== 0 && calls.concerns(number, task.group.pid)) {
      return callWatched(task, declaration, calls);
    }
    return call(task, declaration);
  } catch (e) {
    return failureOf(e);
  }
}

/** The same past whoever watches: for the second half of a call that they have been told of elsewhere. */
export function dispatchUnwatched(task: Task): Result {
  const number = task.context.syscallNumber();
  const declaration = table[number];
  if (declaration === undefined) return unknownNumber(task, number);
  try {
    return call(task, declaration);
  } catch (e) {
    return failureOf(e);
  }
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

/** A number without a meaning, or one of the x32 ABI: ENOSYS. */
function unknownNumber(task: Task, number: number): Failure {
  const x32 = number >= X32_SYSCALL_BIT;
  const name = x32 ? `x32 ${syscallName(number & ~X32_SYSCALL_BIT) ?? 'call'}` : `syscall_${number}`;
  reportUnimplemented(task, number, name);
  return fail(E.ENOSYS);
}
