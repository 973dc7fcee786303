/**
 * What a parent hears of a child: SIGCHLD, and a wake-up of wait(2). kernel/signal.c
 * (do_notify_parent, do_notify_parent_cldstop).
 */
import { CLD, SA, SIG, SIG_IGN } from '../../abi/signal.js';
import { statusCode, statusSignal } from '../../abi/wait.js';
import { NS_PER_SEC } from '../../base/clock.js';
import { sendToGroup } from '../signal/send.js';
import { childSignal } from '../signal/siginfo.js';
import { IN } from '../wait.js';
import type { ThreadGroup } from './thread-group.js';

type ChildCode = (typeof CLD)[keyof typeof CLD];

/** The child stopped or went on. */
export function notifyParent(child: ThreadGroup, code: ChildCode, status: number): void {
  const { parent } = child;
  if (!parent) {
    child.leader.kernel.away?.stoppedOrContinued(child, code === CLD.STOPPED ? status : 0);
    return;
  }
  const action = parent.actions.get(SIG.CHLD);
  if (action.handler !== SIG_IGN && !(action.flags & SA.NOCLDSTOP)) {
    sendToGroup(parent, childSignal(SIG.CHLD, code, about(child, status)));
  }
  parent.childQueue.notify(IN);
}

/** The child is a zombie. True when nobody will wait for it: it is to be reaped at once. */
export function notifyParentOfExit(child: ThreadGroup, exitStatus: number): boolean {
  const { parent } = child;
  if (!parent) return true;
  const signo = child.exitSignal;
  const action = parent.actions.get(SIG.CHLD);
  const ignored = signo === SIG.CHLD && action.handler === SIG_IGN;
  const unwanted = signo === SIG.CHLD && (ignored || (action.flags & SA.NOCLDWAIT) !== 0);
  if (signo !== 0 && !ignored) {
    const ended = statusSignal(exitStatus);
    const code = ended === 0 ? CLD.EXITED : CLD.KILLED;
    const status = ended === 0 ? statusCode(exitStatus) : ended;
    sendToGroup(parent, childSignal(signo, code, about(child, status)));
  }
  return unwanted;
}

/** After the above, and after an unwanted one is gone: whoever waits looks again. */
export function wakeParent(parent: ThreadGroup | undefined): void {
  parent?.childQueue.notify(IN);
}

function about(child: ThreadGroup, status: number): Parameters<typeof childSignal>[2] {
  const ticks = (nanoseconds: number): number =>
    Math.floor((nanoseconds / NS_PER_SEC) * child.leader.kernel.machine.ticksPerSecond);
  return {
    pid: child.pid,
    uid: child.leader.creds.uid,
    status,
    utime: ticks(child.cpu.user),
    stime: ticks(child.cpu.system),
  };
}
