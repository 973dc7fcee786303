/** Who may send a signal to whom, kill(2); kernel/signal.c (check_kill_permission). */
import { E } from '../../abi/errno.js';
import { NSIG, SIG } from '../../abi/signal.js';
import { CAP, has } from '../auth/credentials.js';
import { type Failure, fail } from '../outcome.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';

/** Signal 0 asks only. */
export function checkKill(sender: Task, target: ThreadGroup, signo: number): Failure | undefined {
  if (signo < 0 || signo > NSIG) return fail(E.EINVAL);
  if (sender.group === target) return undefined;
  const mine = sender.creds;
  const theirs = target.leader.creds;
  if (mine.euid === theirs.suid || mine.euid === theirs.uid) return undefined;
  if (mine.uid === theirs.suid || mine.uid === theirs.uid) return undefined;
  if (has(mine, CAP.KILL)) return undefined;
  if (signo === SIG.CONT && sender.group.sid === target.sid) return undefined;
  return fail(E.EPERM);
}
