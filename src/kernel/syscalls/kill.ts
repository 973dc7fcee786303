/** kill(2), tkill(2), tgkill(2), rt_sigqueueinfo(2), rt_tgsigqueueinfo(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { SI, SIGINFO_SIZE, SIGRTMIN } from '../../abi/signal.js';
import type { UserAddr } from '../../base/brand.js';
import { Failure, fail } from '../outcome.js';
import { checkKill } from '../signal/permission.js';
import { sendToGroup, sendToTask } from '../signal/send.js';
import { type SignalInfo, userSignal } from '../signal/siginfo.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { addr, int, signalNumber } from './codecs.js';
import { arg, syscall } from './declare.js';

const INT_MIN = -0x8000_0000;
const signal = { classes: ['signal', 'process'] } as const;

export const killCalls = [
  syscall(NR.kill, 'kill', [arg('pid', int), arg('sig', signalNumber)], signal, kill),
  syscall(NR.tkill, 'tkill', [arg('tid', int), arg('sig', signalNumber)], signal, (task, tid, signo) =>
    tid <= 0 ? fail(E.EINVAL) : sendToThread(task, undefined, tid, fromThread(task, signo)),
  ),
  syscall(
    NR.tgkill,
    'tgkill',
    [arg('tgid', int), arg('tid', int), arg('sig', signalNumber)],
    signal,
    (task, tgid, tid, signo) =>
      tgid <= 0 || tid <= 0 ? fail(E.EINVAL) : sendToThread(task, tgid, tid, fromThread(task, signo)),
  ),
  syscall(
    NR.rt_sigqueueinfo,
    'rt_sigqueueinfo',
    [arg('tgid', int), arg('sig', signalNumber), arg('info', addr)],
    signal,
    (task, tgid, signo, infoAt) => {
      const info = readInfo(task, signo, infoAt, tgid);
      if (info instanceof Failure) return info;
      const group = groupOf(task, tgid);
      if (!group) return fail(E.ESRCH);
      const refused = checkKill(task, group, signo);
      if (refused) return refused;
      return signo === 0 || sendToGroup(group, info) ? 0 : fail(E.EAGAIN);
    },
  ),
  syscall(
    NR.rt_tgsigqueueinfo,
    'rt_tgsigqueueinfo',
    [arg('tgid', int), arg('tid', int), arg('sig', signalNumber), arg('info', addr)],
    signal,
    (task, tgid, tid, signo, infoAt) => {
      if (tgid <= 0 || tid <= 0) return fail(E.EINVAL);
      const info = readInfo(task, signo, infoAt, tgid);
      return info instanceof Failure ? info : sendToThread(task, tgid, tid, info);
    },
  ),
];

function kill(task: Task, pid: number, signo: number): number | Failure {
  const info = userSignal(signo, task.group.pid, task.creds.uid);
  if (pid > 0) {
    const group = groupOf(task, pid);
    return group ? sendTo(task, group, info) : fail(E.ESRCH);
  }
  if (pid === INT_MIN) return fail(E.ESRCH);
  if (pid === -1) return broadcast(task, info);
  const pgid = pid === 0 ? task.group.pgid : -pid;
  return toAll(task, [...task.kernel.tasks.processGroup(pgid)], info);
}

/** Any thread's number will do, as in Linux. */
function groupOf(task: Task, pid: number): ThreadGroup | undefined {
  const { tasks } = task.kernel;
  return tasks.byPid(pid) ?? tasks.byTid(pid)?.group;
}

function sendTo(task: Task, group: ThreadGroup, info: SignalInfo): number | Failure {
  const refused = checkKill(task, group, info.signo);
  if (refused) return refused;
  if (info.signo !== 0) sendToGroup(group, info);
  return 0;
}

/** Succeeds when it did for one at least. */
function toAll(task: Task, groups: ThreadGroup[], info: SignalInfo): number | Failure {
  let result: number | Failure = fail(E.ESRCH);
  for (const group of groups) {
    const r = sendTo(task, group, info);
    if (result !== 0) result = r;
  }
  return result;
}

/** kill(-1): everybody but oneself. EPERM counts as nobody there only when it is so for all. */
function broadcast(task: Task, info: SignalInfo): number | Failure {
  const others = [...task.kernel.tasks.groups()].filter((g) => g !== task.group);
  return toAll(task, others, info);
}

function fromThread(task: Task, signo: number): SignalInfo {
  return userSignal(signo, task.group.pid, task.creds.uid, SI.TKILL);
}

function sendToThread(task: Task, tgid: number | undefined, tid: number, info: SignalInfo): number | Failure {
  const target = task.kernel.tasks.byTid(tid);
  if (!target || (tgid !== undefined && target.group.pid !== tgid)) return fail(E.ESRCH);
  const refused = checkKill(task, target.group, info.signo);
  if (refused) return refused;
  if (info.signo === 0 || sendToTask(target, info)) return 0;
  return info.signo >= SIGRTMIN ? fail(E.EAGAIN) : 0;
}

/** Only to oneself may one pretend that a signal came from the kernel or from kill(2). */
function readInfo(task: Task, signo: number, at: UserAddr, tgid: number): SignalInfo | Failure {
  const bytes = task.memory.readBytes(at, SIGINFO_SIZE);
  const code = new DataView(bytes.buffer).getInt32(8, true);
  if ((code >= 0 || code === SI.TKILL) && tgid !== task.group.pid) return fail(E.EPERM);
  return { signo, code, kind: 'raw', bytes };
}
