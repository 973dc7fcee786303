/** wait4(2), waitid(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { O_NONBLOCK } from '../../abi/open.js';
import { rusage } from '../../abi/resource.js';
import { SIG, siginfoChild } from '../../abi/signal.js';
import {
  __WALL,
  __WCLONE,
  __WNOTHREAD,
  P_ALL,
  P_PGID,
  P_PID,
  P_PIDFD,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WSTOPPED,
  WUNTRACED,
  waitIdTypes,
  waitOptions,
} from '../../abi/wait.js';
import type { UserAddr } from '../../base/brand.js';
import { type Blocking, Failure, fail, type Outcome, Restart, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { writeUsage } from '../task/usage.js';
import { type ChildChange, type ChildSelector, waitForChild } from '../task/wait-child.js';
import { addr, choice, flags, int, structOut, waitStatusOut } from './codecs.js';
import { arg, syscall } from './declare.js';
import { pidfdAt } from './pidfd.js';

const INT_MIN = -0x8000_0000;
const WAIT4_OPTIONS = WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
const WAITID_OPTIONS = WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;

export const waitCalls = [
  syscall(
    NR.wait4,
    'wait4',
    [
      arg('pid', int),
      arg('wstatus', waitStatusOut),
      arg('options', flags(waitOptions)),
      arg('rusage', structOut(rusage)),
    ],
    { classes: ['process'], support: 'partial', note: 'rusage has CPU times and the size of memory' },
    wait4,
  ),
  syscall(
    NR.waitid,
    'waitid',
    [
      arg('idtype', choice(waitIdTypes)),
      arg('id', int),
      arg('infop', addr),
      arg('options', flags(waitOptions)),
      arg('rusage', structOut(rusage)),
    ],
    { classes: ['process'], support: 'partial', note: 'as wait4' },
    waitid,
  ),
];

function wait4(task: Task, pid: number, statusAt: UserAddr, options: number, usageAt: UserAddr): Result {
  if (options & ~WAIT4_OPTIONS) return fail(E.EINVAL);
  if (pid === INT_MIN) return fail(E.ESRCH);
  return finish(waitForChild(task, selectorOfPid(task, pid), options | WEXITED), (change) => {
    if (change === 'none') return 0;
    if (statusAt !== 0) task.memory.writeU32(statusAt, change.status);
    if (usageAt !== 0) writeUsage(task, usageAt, change.cpu, change.maxResident);
    return change.pid;
  });
}

function selectorOfPid(task: Task, pid: number): ChildSelector {
  if (pid === -1) return { type: 'any' };
  if (pid > 0) return { type: 'pid', pid };
  return { type: 'processGroup', pgid: pid === 0 ? task.group.pgid : -pid };
}

function waitid(
  task: Task,
  type: number,
  id: number,
  infoAt: UserAddr,
  options: number,
  usageAt: UserAddr,
): Result {
  if (options & ~WAITID_OPTIONS) return fail(E.EINVAL);
  if (!(options & (WEXITED | WSTOPPED | WCONTINUED))) return fail(E.EINVAL);
  const selector = selectorOfId(task, type, id);
  if (selector instanceof Failure) return selector;
  // A pidfd that does not block makes waitid not block, and fail instead of finding nothing.
  const impatient = type === P_PIDFD && ((task.files.get(id)?.flags ?? 0) & O_NONBLOCK) !== 0;
  return finish(waitForChild(task, selector, impatient ? options | WNOHANG : options), (change) => {
    if (change === 'none' && impatient && !(options & WNOHANG)) return fail(E.EAGAIN);
    if (change !== 'none' && usageAt !== 0) writeUsage(task, usageAt, change.cpu, change.maxResident);
    if (infoAt !== 0) task.memory.write(infoAt, infoOf(change));
    return 0;
  });
}

function selectorOfId(task: Task, type: number, id: number): ChildSelector | Failure {
  switch (type) {
    case P_ALL:
      return { type: 'any' };
    case P_PID:
      return id > 0 ? { type: 'pid', pid: id } : fail(E.EINVAL);
    case P_PGID:
      if (id < 0) return fail(E.EINVAL);
      return { type: 'processGroup', pgid: id === 0 ? task.group.pgid : id };
    case P_PIDFD: {
      const file = id < 0 ? fail(E.EINVAL) : pidfdAt(task, id);
      return file instanceof Failure ? file : { type: 'pid', pid: file.group.pid };
    }
    default:
      return fail(E.EINVAL);
  }
}

/** What Linux fills in: up to and with si_status. */
const INFO_BYTES = 28;

function infoOf(change: ChildChange | 'none'): Uint8Array {
  const none = change === 'none';
  return siginfoChild
    .encode({
      signo: none ? 0 : SIG.CHLD,
      errno: 0,
      code: none ? 0 : change.code,
      pad: 0,
      pid: none ? 0 : change.pid,
      uid: none ? 0 : change.uid,
      status: none ? 0 : change.siStatus,
      pad2: 0,
      utime: 0,
      stime: 0,
    })
    .subarray(0, INFO_BYTES);
}

type Waited = ChildChange | 'none' | Failure | Blocking<ChildChange | Failure | Restart>;

/** Tells the guest, now or when the wait is over. */
function finish(waited: Waited, tell: (change: ChildChange | 'none') => Outcome): Result {
  if (waited === 'none' || 'pid' in waited) return tell(waited);
  return waited instanceof Failure ? waited : later(waited, tell);
}

function* later(
  waiting: Blocking<ChildChange | Failure | Restart>,
  tell: (change: ChildChange) => Outcome,
): Blocking<Outcome> {
  const r = yield* waiting;
  return r instanceof Failure || r instanceof Restart ? r : tell(r);
}
