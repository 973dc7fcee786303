/**
 * Delivery of one signal to a task that is about to go back to its guest: default action, or a frame on
 * the guest's stack. Models get_signal and handle_signal, kernel/signal.c, arch/x86/kernel/signal.c.
 */
import { E } from '../../abi/errno.js';
import { SA, SIG, SIG_DFL, SIG_IGN, SS } from '../../abi/signal.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { eventBase } from '../task/event-base.js';
import { startGroupExit } from '../task/group-exit.js';
import { NO_ALT_STACK, type Task } from '../task/task.js';
import { defaultAction, type SignalAction } from './actions.js';
import { onAltStack } from './alt-stack.js';
import { infoText } from './info-text.js';
import { isOrphaned, startGroupStop } from './job-control.js';
import { maskUnion, maskWith } from './mask.js';
import { forceSegv, setMask } from './send.js';
import { encodeSiginfo, kernelSignal, type SignalInfo, signalFields } from './siginfo.js';

export function deliver(task: Task, info: SignalInfo): void {
  const { group } = task;
  const action = group.actions.get(info.signo);
  if (action.handler === SIG_IGN) return;
  const { events } = task.kernel;
  if (events.wants('signalDelivered')) {
    const how = action.handler === SIG_DFL ? 'default' : 'handler';
    events.emit({
      ...eventBase(task),
      type: 'signalDelivered',
      ...signalFields(info),
      action: how,
      infoText: infoText(info),
    });
  }
  if (action.handler !== SIG_DFL) {
    runHandler(task, info, action);
    return;
  }
  switch (defaultAction(info.signo)) {
    case 'ignore':
    case 'continue':
      break;
    case 'stop':
      // Nobody could continue an orphaned group from its terminal; SIGSTOP stops it all the same.
      if (info.signo === SIG.STOP || !cannotBeContinued(task)) {
        startGroupStop(task, info.signo);
      }
      break;
    case 'core':
    case 'terminate':
      startGroupExit(group, info.signo);
      break;
  }
}

function cannotBeContinued({ kernel, group }: Task): boolean {
  return kernel.away ? kernel.away.isOrphaned(group) : isOrphaned(kernel.tasks, group.pgid);
}

function runHandler(task: Task, info: SignalInfo, action: SignalAction): void {
  const { group, context, altStack } = task;
  settleRestart(task, action);
  if (action.flags & SA.RESETHAND) group.actions.reset(info.signo);
  const mask = task.savedMask ?? task.mask;
  task.savedMask = undefined;
  const pushed =
    (action.flags & SA.RESTORER) !== 0 &&
    context.pushSignalFrame({
      signo: info.signo,
      handler: userAddr(action.handler),
      restorer: action.restorer,
      info: encodeSiginfo(info),
      maskLo: mask.lo,
      maskHi: mask.hi,
      stackTop: handlerStack(task, action),
      altStack: { ...altStack },
    });
  if (!pushed) {
    // The frame would have put the mask back.
    setMask(task, mask);
    forceSegv(task, info.signo, kernelSignal(SIG.SEGV));
    return;
  }
  if (altStack.flags & SS.AUTODISARM) task.altStack = { ...NO_ALT_STACK };
  let during = maskUnion(task.mask, action.mask);
  if (!(action.flags & SA.NODEFER)) during = maskWith(during, info.signo);
  setMask(task, during);
}

/** A handler runs: whether the call it interrupts starts anew afterwards or fails with EINTR, signal(7). */
function settleRestart(task: Task, action: SignalAction): void {
  const { restart, context } = task;
  if (!restart) return;
  task.restart = undefined;
  const again =
    restart.rule === 'always' || (restart.rule === 'ifSaRestart' && (action.flags & SA.RESTART) !== 0);
  if (again) context.rewindSyscall();
  else context.setReturn(-E.EINTR);
}

/** The alternate stack when the handler wants it and is not on it already; else 0, the current one. */
function handlerStack(task: Task, action: SignalAction): UserAddr {
  const { altStack } = task;
  const usable = (action.flags & SA.ONSTACK) !== 0 && altStack.size > 0;
  if (!usable || onAltStack(altStack, task.context.getSp())) return userAddr(0);
  return userAddr(altStack.sp + altStack.size);
}
