/**
 * Who may use a terminal: only its foreground process group; others of its session are stopped by a
 * signal. termios(3), "job control"; Linux: drivers/tty/tty_jobctrl.c.
 */
import { E } from '../../../abi/errno.js';
import { SIG, SIG_IGN } from '../../../abi/signal.js';
import { type Failure, fail, RESTART_IF_SA_RESTART, type Restart } from '../../outcome.js';
import { isOrphaned } from '../../signal/job-control.js';
import { maskHas } from '../../signal/mask.js';
import { sendToGroup } from '../../signal/send.js';
import { kernelSignal } from '../../signal/siginfo.js';
import type { Task } from '../../task/task.js';
import type { TaskSet } from '../../task/task-set.js';
import type { Terminal } from './terminal.js';

export function signalProcessGroup(tasks: TaskSet, pgid: number, signo: number): void {
  for (const group of [...tasks.processGroup(pgid)]) sendToGroup(group, kernelSignal(signo));
}

/**
 * Undefined: go on. A background process gets `signo` and starts its call anew when it goes on; one
 * that nobody could continue, or that does not want SIGTTIN, gets EIO.
 */
export function checkForeground(
  task: Task,
  terminal: Terminal,
  signo: typeof SIG.TTIN | typeof SIG.TTOU,
): Failure | Restart | undefined {
  const { group, kernel } = task;
  if (group.terminal !== terminal) return undefined;
  if (terminal.foreground === undefined || terminal.foreground === group.pgid) return undefined;
  const ignored = maskHas(task.mask, signo) || group.actions.get(signo).handler === SIG_IGN;
  if (ignored) return signo === SIG.TTIN ? fail(E.EIO) : undefined;
  if (isOrphaned(kernel.tasks, group.pgid)) return fail(E.EIO);
  signalProcessGroup(kernel.tasks, group.pgid, signo);
  task.attention = true;
  return RESTART_IF_SA_RESTART;
}
