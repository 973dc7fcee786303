/**
 * What stands in dispatch's place on a shard away from home: a call is answered here, at home, or on both
 * sides (here.ts).
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import {
  type Blocking,
  Failure,
  fail,
  failureOf,
  type Outcome,
  RESTART_UNLESS_HANDLED,
  type Result,
} from '../outcome.js';
import { hasDeliverable } from '../signal/send.js';
import { dispatch, dispatchUnwatched } from '../syscalls/dispatch.js';
import { enterMask } from '../syscalls/wait-arguments.js';
import type { Task } from '../task/task.js';
import type { AwayLink } from './away-link.js';
import { whereToAnswer } from './here.js';

export function awayDispatch(link: AwayLink): (task: Task, number?: number) => Result {
  return (task, number = task.context.syscallNumber()) => {
    try {
      // It goes on where the call was that it stands for.
      const { restartBlock } = task;
      if (number === NR.restart_syscall && restartBlock && whereToAnswer(restartBlock.number) !== 'here') {
        return link.forward(task, number);
      }
      switch (whereToAnswer(number)) {
        case 'here':
          return answerHere(link, task, number);
        case 'both':
          return answerOnBothSides(link, task);
        case 'home':
          return answerAtHome(link, task, number);
      }
    } catch (e) {
      return failureOf(e);
    }
  };
}

function answerHere(link: AwayLink, task: Task, number: number): Result {
  const result = dispatch(task, number);
  // The deputy is asked whether its children are to be waited for, and terminals whether SIGTTIN is ignored.
  if (number === NR.rt_sigaction && result === 0 && pointer(task, 1) !== 0) {
    link.actionChanged(task, task.context.argLo(0));
  }
  return result;
}

/** Nothing that it would change here is changed when it fails there. */
function* answerOnBothSides(link: AwayLink, task: Task): Blocking<Outcome> {
  const { context, group } = task;
  const number = context.syscallNumber();
  const outcome = yield* link.forward(task);
  if (typeof outcome !== 'number') return outcome;
  const other = number === NR.prlimit64 && context.argLo(0) !== 0 && context.argLo(0) !== group.pid;
  if (other) return outcome;
  const here = dispatchUnwatched(task);
  return typeof here === 'number' || here instanceof Failure ? here : outcome;
}

function answerAtHome(link: AwayLink, task: Task, number: number): Result {
  switch (number) {
    case NR.poll:
    case NR.select:
      return waitAtHome(link, task);
    // Which signals end a wait is decided where they arrive.
    case NR.ppoll:
      enterMask(task, pointer(task, 3), task.context.argLo(4));
      return waitAtHome(link, task);
    case NR.pselect6: {
      const at = pointer(task, 5);
      if (at !== 0) enterMask(task, pointerAt(task, at), pointerAt(task, userAddr(at + 8)));
      return waitAtHome(link, task);
    }
    case NR.epoll_pwait:
    case NR.epoll_pwait2:
      enterMask(task, pointer(task, 4), task.context.argLo(5));
      break;
    // Nobody else may look into a body's registers.
    case NR.ptrace:
      return fail(E.EPERM);
  }
  return link.forward(task, number);
}

/** Of a wait that came to nothing at once, too, Linux asks whether a signal is there (do_poll, do_select). */
function* waitAtHome(link: AwayLink, task: Task): Blocking<Outcome> {
  const outcome = yield* link.forward(task);
  return outcome === 0 && hasDeliverable(task) ? RESTART_UNLESS_HANDLED : outcome;
}

function pointer({ context }: Task, index: number): UserAddr {
  return userAddr(context.argHi(index) * 0x1_0000_0000 + context.argLo(index));
}

function pointerAt(task: Task, at: UserAddr): UserAddr {
  return userAddr(task.memory.readU64(at));
}
