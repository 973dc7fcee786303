/** Signals from outside: to whom, and as what they arrive (sender 0, as from an ancestor PID namespace). */
import { E } from '../abi/errno.js';
import { NSIG, SI, SIGRTMIN } from '../abi/signal.js';
import { sendToGroup } from '../kernel/signal/send.js';
import type { SignalInfo } from '../kernel/signal/siginfo.js';
import type { TaskSet } from '../kernel/task/task-set.js';
import type { ThreadGroup } from '../kernel/task/thread-group.js';
import type { ExternalSignal, SignalTarget } from '../messages/shard.js';

/** Sends it; 0 or an errno: ESRCH without anybody, EAGAIN when a queue is full, EINVAL for no signal. */
export function sendExternalSignal(tasks: TaskSet, target: SignalTarget, signal: ExternalSignal): number {
  const { signo } = signal;
  if (!Number.isInteger(signo) || signo < 0 || signo > NSIG) return E.EINVAL;
  const groups = targets(tasks, target);
  if (groups.length === 0) return E.ESRCH;
  if (signo === 0) return 0;
  const info = infoOf(signal);
  let sent = false;
  for (const group of groups) if (sendToGroup(group, info)) sent = true;
  return sent || signo < SIGRTMIN ? 0 : E.EAGAIN;
}

/** Any thread's number will do for its group, as with kill(2). */
function targets(tasks: TaskSet, target: SignalTarget): ThreadGroup[] {
  if (target.type === 'processGroup') return [...tasks.processGroup(target.pgid)];
  const group = tasks.byPid(target.pid) ?? tasks.byTid(target.pid)?.group;
  return group ? [group] : [];
}

function infoOf({ signo, code, value }: ExternalSignal): SignalInfo {
  const sender = { signo, kind: 'kill', pid: 0, uid: 0 } as const;
  if (value === undefined) return { ...sender, code: code ?? SI.USER };
  const lo = Number(BigInt.asUintN(32, value));
  const hi = Number(BigInt.asUintN(32, value >> 32n));
  return { ...sender, code: code ?? SI.QUEUE, value: { lo, hi } };
}
