/** Who may trace whom: ptrace(2), "Ptrace access mode checking"; kernel/ptrace.c (__ptrace_may_access). */
import { E } from '../../abi/errno.js';
import { CAP, has } from '../auth/credentials.js';
import { type Failure, fail } from '../outcome.js';
import type { Task } from '../task/task.js';

/** PTRACE_MODE_ATTACH_REALCREDS, and of PTRACE_MODE_READ_REALCREDS what programs can tell apart: nothing. */
export function checkTraceAccess(caller: Task, target: Task): Failure | undefined {
  if (caller.group === target.group) return undefined;
  if (has(caller.creds, CAP.SYS_PTRACE)) return undefined;
  const { uid, gid } = caller.creds;
  const t = target.creds;
  const sameUser = [t.uid, t.euid, t.suid].every((id) => id === uid);
  const sameGroup = [t.gid, t.egid, t.sgid].every((id) => id === gid);
  if (!sameUser || !sameGroup || target.group.dumpable !== 1) return fail(E.EPERM);
  // Its capabilities must be no more than the caller's.
  return (t.permitted & ~caller.creds.permitted) === 0n ? undefined : fail(E.EPERM);
}
