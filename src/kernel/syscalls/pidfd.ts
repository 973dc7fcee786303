/** pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { O_EXCL, O_NONBLOCK } from '../../abi/open.js';
import { SI, SIGINFO_SIZE } from '../../abi/signal.js';
import type { UserAddr } from '../../base/brand.js';
import { PidFile } from '../fs/anon/pidfd.js';
import { leaderOfDirectory } from '../fs/proc/task-directory.js';
import { Failure, fail, type Result } from '../outcome.js';
import { checkTraceAccess } from '../ptrace/access.js';
import { checkKill } from '../signal/permission.js';
import { sendToGroup, sendToTask } from '../signal/send.js';
import { type SignalInfo, userSignal } from '../signal/siginfo.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { addr, fd, flags, int, signalNumber, uint } from './codecs.js';
import { arg, syscall } from './declare.js';
import { newDescriptor } from './new-descriptor.js';

const pidfdFlags = { PIDFD_NONBLOCK: O_NONBLOCK, PIDFD_THREAD: O_EXCL } as const;
const PIDFD_SIGNAL_THREAD = 1;
const PIDFD_SIGNAL_THREAD_GROUP = 2;
const PIDFD_SIGNAL_PROCESS_GROUP = 4;
const signalFlags = {
  PIDFD_SIGNAL_THREAD,
  PIDFD_SIGNAL_THREAD_GROUP,
  PIDFD_SIGNAL_PROCESS_GROUP,
} as const;

export const pidfdCalls = [
  syscall(
    NR.pidfd_open,
    'pidfd_open',
    [arg('pid', int), arg('flags', flags(pidfdFlags))],
    { classes: ['desc', 'process'] },
    (task, pid, f) => {
      if (f & ~(O_NONBLOCK | O_EXCL) || pid <= 0) return fail(E.EINVAL);
      const { tasks } = task.kernel;
      const target = tasks.byTid(pid);
      if (!target) return fail(E.ESRCH);
      if (!(f & O_EXCL) && !tasks.byPid(pid)) return fail(E.ENOENT);
      return openPidfd(task, target, f);
    },
  ),
  syscall(
    NR.pidfd_send_signal,
    'pidfd_send_signal',
    [arg('pidfd', fd), arg('sig', signalNumber), arg('info', addr), arg('flags', flags(signalFlags))],
    { classes: ['desc', 'signal', 'process'] },
    sendSignal,
  ),
  syscall(
    NR.pidfd_getfd,
    'pidfd_getfd',
    [arg('pidfd', fd), arg('targetfd', fd), arg('flags', uint)],
    { classes: ['desc'] },
    (task, n, theirs, f) => {
      if (f !== 0) return fail(E.EINVAL);
      const pidfd = pidfdAt(task, n);
      if (pidfd instanceof Failure) return pidfd;
      const target = pidfd.task.state.name === 'dead' ? [...pidfd.group.tasks][0] : pidfd.task;
      if (!target) return fail(E.ESRCH);
      const refused = checkTraceAccess(task, target);
      if (refused) return refused;
      const file = target.files.get(theirs);
      return file ? newDescriptor(task, file.retain(), { closeOnExec: true }) : fail(E.EBADF);
    },
  ),
];

/** Also for CLONE_PIDFD. */
export function openPidfd(task: Task, target: Task, bits: number): number | Failure {
  return newDescriptor(task, new PidFile(task.kernel, bits, target.group, target), { closeOnExec: true });
}

/** EBADF also for a file of another kind. */
export function pidfdAt(task: Task, n: number): PidFile | Failure {
  const file = task.files.require(n);
  return file instanceof PidFile ? file : fail(E.EBADF);
}

function sendSignal(task: Task, n: number, signo: number, infoAt: UserAddr, bits: number): Result {
  const scopes = PIDFD_SIGNAL_THREAD | PIDFD_SIGNAL_THREAD_GROUP | PIDFD_SIGNAL_PROCESS_GROUP;
  // At most one of them.
  if (bits & ~scopes || bits & (bits - 1)) return fail(E.EINVAL);
  const pidfd = processAt(task, n);
  if (pidfd instanceof Failure) return pidfd;
  const info = infoAt === 0 ? plain(task, signo) : readInfo(task, pidfd.group, signo, infoAt);
  if (info instanceof Failure) return info;
  if (pidfd.isReaped) return fail(E.ESRCH);
  const { group } = pidfd;
  const refused = checkKill(task, group, signo);
  if (refused) return refused;
  if (signo === 0) return 0;
  if (bits & PIDFD_SIGNAL_PROCESS_GROUP) {
    for (const member of [...task.kernel.tasks.processGroup(group.pgid)]) {
      if (!checkKill(task, member, signo)) sendToGroup(member, info);
    }
    return 0;
  }
  const toThread = bits & PIDFD_SIGNAL_THREAD || (bits === 0 && pidfd.isForThread);
  const sent = toThread ? sendToTask(pidfd.task, info) : sendToGroup(group, info);
  return sent || infoAt === 0 ? 0 : fail(E.EAGAIN);
}

/** A pidfd, or a directory of /proc in its place. */
function processAt(
  task: Task,
  n: number,
): Pick<PidFile, 'group' | 'task' | 'isReaped' | 'isForThread'> | Failure {
  const leader = leaderOfDirectory(task.files.require(n).inode);
  if (!leader) return pidfdAt(task, n);
  const { group } = leader;
  const isReaped = task.kernel.tasks.byPid(group.pid) !== group;
  return { group, task: leader, isReaped, isForThread: false };
}

function plain(task: Task, signo: number): SignalInfo {
  return userSignal(signo, task.group.pid, task.creds.uid);
}

function readInfo(task: Task, to: ThreadGroup, signo: number, at: UserAddr): SignalInfo | Failure {
  const bytes = task.memory.readBytes(at, SIGINFO_SIZE);
  const view = new DataView(bytes.buffer);
  const code = view.getInt32(8, true);
  if (view.getInt32(0, true) !== signo) return fail(E.EINVAL);
  if (to !== task.group && (code >= 0 || code === SI.TKILL)) return fail(E.EPERM);
  return { signo, code, kind: 'raw', bytes };
}
