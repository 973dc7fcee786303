/**
 * Calls that are a family of their own: set_tid_address(2), set_robust_list(2), personality(2),
 * and rseq(2), which is absent on purpose.
 */
import { E } from '../../abi/errno.js';
import { robustListHead } from '../../abi/futex.js';
import { NR } from '../../abi/numbers.js';
import type { UserAddr } from '../../base/brand.js';
import { CAP, has } from '../auth/credentials.js';
import { fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, int, size, uint } from './codecs.js';
import { arg, syscall } from './declare.js';
import { membarrierCalls } from './membarrier.js';
import { unimplemented } from './unimplemented.js';

/** personality(2): only ask. */
const PER_QUERY = 0xffff_ffff;

export const miscCalls = [
  syscall(
    NR.set_tid_address,
    'set_tid_address',
    [arg('tidptr', addr)],
    { classes: ['process'] },
    (task, at) => {
      task.clearChildTid = at;
      return task.tid;
    },
  ),
  syscall(
    NR.set_robust_list,
    'set_robust_list',
    [arg('head', addr), arg('len', size)],
    {},
    (task, head, length) => {
      if (length !== robustListHead.size) return fail(E.EINVAL);
      task.robustList = head;
      return 0;
    },
  ),
  syscall(
    NR.get_robust_list,
    'get_robust_list',
    [arg('pid', int), arg('head_ptr', addr), arg('sizep', addr)],
    {},
    getRobustList,
  ),
  syscall(
    NR.personality,
    'personality',
    [arg('persona', uint)],
    { support: 'partial', note: 'ADDR_NO_RANDOMIZE; other bits are kept and inherited, without effect' },
    (task, persona) => {
      const before = task.personality;
      if (persona !== PER_QUERY) task.personality = persona;
      return before;
    },
  ),
  unimplemented(
    'rseq',
    E.ENOSYS,
    'glibc does without; a guest thread may move between host CPUs at any time',
  ),
  ...membarrierCalls,
];

function getRobustList(task: Task, pid: number, headAt: UserAddr, sizeAt: UserAddr): Result {
  const target = pid === 0 ? task : task.kernel.tasks.byTid(pid);
  if (!target) return fail(E.ESRCH);
  if (!mayInspect(task, target)) return fail(E.EPERM);
  task.memory.writeU64(sizeAt, robustListHead.size);
  task.memory.writeU64(headAt, target.robustList);
  return 0;
}

/** ptrace_may_access with the caller's real ids. */
function mayInspect(task: Task, target: Task): boolean {
  if (target.group === task.group) return true;
  const { uid, gid } = task.creds;
  const { creds } = target;
  const sameIds =
    [creds.uid, creds.euid, creds.suid].every((i) => i === uid) &&
    [creds.gid, creds.egid, creds.sgid].every((i) => i === gid);
  const privileged = has(task.creds, CAP.SYS_PTRACE);
  return privileged || (sameIds && target.group.dumpable === 1);
}
