/**
 * Making tasks: clone(2), fork(2), vfork(2); kernel/fork.c (copy_process).
 *
 * A thread is one more host thread of the same stub process. So is a child with CLONE_VM that is a
 * process of its own (vfork, posix_spawn): identity is ours, so it need not copy an address space, and
 * its execve brings a new one. A fork copies the address space.
 */
import { CLONE, CLONE_CLEAR_SIGHAND } from '../../abi/clone.js';
import { E, type Errno } from '../../abi/errno.js';
import { O_EXCL } from '../../abi/open.js';
import { PTRACE_EVENT, type PtraceEvent } from '../../abi/ptrace.js';
import { RLIMIT } from '../../abi/resource.js';
import { NSIG, SIG } from '../../abi/signal.js';
import type { Pid, Tid, UserAddr } from '../../base/brand.js';
import { type Context, HostRefused } from '../../platform/platform.js';
import { CAP, has } from '../auth/credentials.js';
import { PidFile } from '../fs/anon/pidfd.js';
import type { AwayLink } from '../home/away-link.js';
import { COST, kernelMemory } from '../kernel-memory.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { type Blocking, Failure, fail, type Outcome, RESTART_ALWAYS, type Result } from '../outcome.js';
import { eventStop, wantsEvent } from '../ptrace/stop.js';
import { link } from '../ptrace/tracee.js';
import { PendingSignals } from '../signal/pending.js';
import { sendToTask } from '../signal/send.js';
import { kernelSignal } from '../signal/siginfo.js';
import { watchCpuLimit } from '../time/cpu-timer.js';
import { eventBase } from './event-base.js';
import { start } from './run.js';
import { GUEST } from './state.js';
import { NO_ALT_STACK, Task } from './task.js';
import { ThreadGroup } from './thread-group.js';

export interface CloneRequest {
  /** CLONE_*; clone3's go beyond 32 bits. Without the exit signal. */
  readonly flags: number;
  readonly exitSignal: number;
  /** Top of the child's stack; 0: the same address as the parent's. */
  readonly stack: UserAddr;
  readonly tls: UserAddr;
  readonly parentTid: UserAddr;
  readonly childTid: UserAddr;
  /** Where CLONE_PIDFD puts the descriptor. */
  readonly pidfd: UserAddr;
}

export const NAMESPACES =
  CLONE.NEWNS |
  CLONE.NEWCGROUP |
  CLONE.NEWUTS |
  CLONE.NEWIPC |
  CLONE.NEWUSER |
  CLONE.NEWPID |
  CLONE.NEWNET |
  CLONE.NEWTIME;

/** Makes a task and lets it run. The result is the parent's: the child's number. */
export function clone(parent: Task, request: CloneRequest): Result {
  const { resumed } = parent;
  if (resumed?.child) return waitForVfork(resumed.child);
  const { flags } = request;
  const refused = checkFlags(parent, request) ?? checkNumbers(parent) ?? checkMemory(parent, flags);
  if (refused) return refused;
  // A stop or a signal that came first is seen to first: no child escapes it.
  if (parent.attention) return RESTART_ALWAYS;
  const { away, tasks } = parent.kernel;
  if (!away && flags & CLONE.PIDFD && !hasRoomForPidfd(parent)) return fail(E.EMFILE);
  const tid = away ? away.childNumber(parent, request) : tasks.allocateTid();
  if (tid instanceof Failure) return tid;

  const child = tryMaking(() =>
    away ? makeBody(parent, tid, request, away) : makeTask(parent, tid, request),
  );
  if (child instanceof Failure) return child;
  const { context } = child;
  context.setReturn(0);
  if (request.stack !== 0) context.setSp(request.stack);
  if (flags & CLONE.SETTLS) context.setThreadPointer(request.tls);
  // As in Linux, a bad address here is nobody's failure.
  if (flags & CLONE.PARENT_SETTID) parent.memory.tryWrite(request.parentTid, word(tid));
  if (flags & CLONE.PIDFD && !away) givePidfd(parent, child, request);
  if (flags & CLONE.CHILD_SETTID) child.memory.tryWrite(request.childTid, word(tid));
  if (flags & CLONE.CHILD_CLEARTID) child.clearChildTid = request.childTid;

  const event = traceChild(parent, child, flags, request.exitSignal);
  const { events } = parent.kernel;
  if (events.wants('taskStart')) {
    const { comm, group } = child;
    events.emit({ ...eventBase(child), type: 'taskStart', comm, ppid: group.parentPid });
  }
  start(child);
  if (event !== undefined) return tracedClone(parent, child, flags, event);
  return flags & CLONE.VFORK ? waitForVfork(child) : tid;
}

/** The home half of a child that a deputy's body makes: what `clone` does where descriptors and numbers are. */
export function cloneDeputy(parent: Task, request: CloneRequest): Task | Failure {
  const { flags } = request;
  const refused = checkNumbers(parent) ?? checkMemory(parent, flags);
  if (refused) return refused;
  if (flags & CLONE.PIDFD && !hasRoomForPidfd(parent)) return fail(E.EMFILE);
  const tid = parent.kernel.tasks.allocateTid();
  if (tid instanceof Failure) return tid;
  const child = tryMaking(() => makeTask(parent, tid, request));
  if (child instanceof Failure) return child;
  child.state = GUEST;
  if (flags & CLONE.PIDFD) givePidfd(parent, child, request);
  return child;
}

/** The child's other half is made at home already. */
function makeBody(parent: Task, tid: Tid, request: CloneRequest, away: AwayLink): Task {
  try {
    const child = makeTask(parent, tid, request);
    away.born(child);
    return child;
  } catch (e) {
    away.unborn(tid);
    throw e;
  }
}

function hasRoomForPidfd({ files, group }: Task): boolean {
  const limit = group.limits.number(RLIMIT.NOFILE);
  for (let n = 0; n < limit; n++) if (!files.get(n)) return true;
  return false;
}

/** The descriptor is the parent's alone, unless they share all. */
function givePidfd(parent: Task, child: Task, { flags, pidfd }: CloneRequest): void {
  const file = new PidFile(parent.kernel, flags & CLONE.THREAD ? O_EXCL : 0, child.group, child);
  const limit = parent.group.limits.number(RLIMIT.NOFILE);
  const n = parent.files.install(file, { closeOnExec: true, limit });
  if (n instanceof Failure) file.release();
  else parent.memory.tryWrite(pidfd, word(n));
}

/** The child of a tracee is one too, when its tracer said so: ptrace(2), PTRACE_O_TRACEFORK and its kin. */
function traceChild(parent: Task, child: Task, flags: number, exitSignal: number): PtraceEvent | undefined {
  const { tracee } = parent;
  if (!tracee) return undefined;
  let event: PtraceEvent | undefined = PTRACE_EVENT.CLONE;
  if (flags & CLONE.VFORK) event = PTRACE_EVENT.VFORK;
  else if (exitSignal === SIG.CHLD) event = PTRACE_EVENT.FORK;
  if (flags & CLONE.UNTRACED || !wantsEvent(tracee, event)) event = undefined;
  if (event !== undefined || flags & CLONE.PTRACE) {
    const own = link(child, tracee.tracer, tracee.how);
    own.options = tracee.options;
    if (tracee.how === 'seized') own.trapPending = true;
    else sendToTask(child, kernelSignal(SIG.STOP));
    child.attention = true;
  }
  return event ?? (flags & CLONE.VFORK ? PTRACE_EVENT.VFORK_DONE : undefined);
}

function* tracedClone(parent: Task, child: Task, flags: number, event: PtraceEvent): Blocking<Outcome> {
  const { tid } = child;
  // Both are made before the first stop: the child may be done before its parent goes on.
  const vfork = flags & CLONE.VFORK ? waitForVfork(child) : undefined;
  if (event !== PTRACE_EVENT.VFORK_DONE) yield* eventStop(parent, event, tid);
  if (vfork) {
    yield* vfork;
    yield* eventStop(parent, PTRACE_EVENT.VFORK_DONE, tid);
  }
  return tid;
}

/** Nothing but a kill ends this wait: the child uses the parent's stack. */
function waitForVfork(child: Task): Blocking<Outcome> {
  const { tid } = child;
  let done = false;
  let wake: (() => void) | undefined;
  child.vforkDone = () => {
    done = true;
    wake?.();
  };
  return (function* () {
    while (!done) {
      yield {
        deadlineNs: Number.POSITIVE_INFINITY,
        interruptible: false,
        arm(w) {
          wake = w;
          if (done) w();
          return () => {
            wake = undefined;
          };
        },
        resume: () => ({ child }),
      };
    }
    return tid;
  })();
}

function checkFlags(parent: Task, { flags, exitSignal }: CloneRequest): Failure | undefined {
  const set = (mask: number): boolean => (flags & mask) !== 0;
  if (set(CLONE.NEWNS | CLONE.NEWUSER) && set(CLONE.FS)) return fail(E.EINVAL);
  // A sibling of process 1 would have nobody to wait for it.
  if (set(CLONE.PARENT) && parent.group.unkillable) return fail(E.EINVAL);
  if (set(CLONE.THREAD) && !set(CLONE.SIGHAND)) return fail(E.EINVAL);
  if (set(CLONE.SIGHAND) && !set(CLONE.VM)) return fail(E.EINVAL);
  if (set(CLONE.THREAD) && set(CLONE.NEWUSER | CLONE.NEWPID)) return fail(E.EINVAL);
  if (set(CLONE.SIGHAND) && flags >= CLONE_CLEAR_SIGHAND) return fail(E.EINVAL);
  if (exitSignal > NSIG) return fail(E.EINVAL);
  if (set(CLONE.PIDFD) && set(CLONE.DETACHED)) return fail(E.EINVAL);
  if (set(NAMESPACES)) return fail(has(parent.creds, CAP.SYS_ADMIN) ? E.EINVAL : E.EPERM);
  return undefined;
}

/** RLIMIT_NPROC counts tasks of a user; root may have more. */
function checkNumbers({ group, creds, kernel }: Task): Failure | undefined {
  const limit = group.limits.number(RLIMIT.NPROC);
  const { tasks } = kernel;
  if (tasks.size < limit || creds.uid === 0) return undefined;
  if (has(creds, CAP.SYS_RESOURCE) || has(creds, CAP.SYS_ADMIN)) return undefined;
  let count = 0;
  for (const t of tasks.all()) if (t.creds.uid === creds.uid) count++;
  return count >= limit ? fail(E.EAGAIN) : undefined;
}

/** What the kernel keeps of the child's memory and descriptors must fit. */
function checkMemory({ kernel, mm, files }: Task, flags: number): Failure | undefined {
  let bytes = flags & CLONE.VM ? 0 : mm.vmas.size * COST.mapping;
  if (!(flags & CLONE.FILES)) bytes += files.copyBytes;
  if (flags & CLONE.PIDFD) bytes += COST.file;
  return kernelMemory.of(kernel).has(bytes) ? undefined : fail(E.ENOMEM);
}

/** The host may be out of processes, threads or descriptors. Nothing has been made then. */
function tryMaking(make: () => Task): Task | Failure {
  try {
    return make();
  } catch (e) {
    if (e instanceof HostRefused) return fail(e.errno as Errno);
    throw e;
  }
}

function makeTask(parent: Task, tid: Tid, { flags, exitSignal }: CloneRequest): Task {
  const { kernel } = parent;
  const { context, mm } = makeMemory(parent, (flags & CLONE.VM) !== 0 ? 'shared' : 'copied');
  const group = flags & CLONE.THREAD ? parent.group : makeGroup(parent, tid, flags, exitSignal);
  const files = flags & CLONE.FILES ? parent.files.retain() : parent.files.fork();
  const fs = flags & CLONE.FS ? parent.fs.retain() : parent.fs.fork();
  const child = new Task(
    kernel,
    tid,
    group,
    context,
    mm,
    files,
    fs,
    parent.creds,
    new PendingSignals(),
    parent,
  );
  child.comm = parent.comm;
  child.mask = parent.mask;
  child.timerSlackNs = parent.timerSlackNs;
  // A thread must not run handlers on its maker's alternate stack; a vfork child takes turns with it.
  const sharesStack = (flags & CLONE.VM) !== 0 && !(flags & CLONE.VFORK);
  child.altStack = { ...(sharesStack ? NO_ALT_STACK : parent.altStack) };
  kernel.tasks.add(child);
  return child;
}

function makeMemory(parent: Task, how: 'shared' | 'copied'): { context: Context; mm: MemoryManager } {
  const { addressSpace } = parent.context;
  if (how === 'shared')
    return { context: addressSpace.createContext(parent.context), mm: parent.mm.retain() };
  const space = addressSpace.fork(parent.context);
  return { context: space.first, mm: parent.mm.fork(space) };
}

function makeGroup(parent: Task, tid: Tid, flags: number, exitSignal: number): ThreadGroup {
  const from = parent.group;
  const sibling = (flags & CLONE.PARENT) !== 0;
  // A body's relatives are its deputy's.
  const family = parent.kernel.away ? undefined : from;
  const group = new ThreadGroup(
    tid as number as Pid,
    sibling ? family?.parent : family,
    from.pgid,
    from.sid,
    from.limits.fork(),
    sibling ? from.exitSignal : exitSignal,
  );
  group.awayOn = from.awayOn;
  group.dumpable = from.dumpable;
  group.terminal = from.terminal;
  group.creator = sibling ? from.creator : parent;
  if (from.cpuLimit) watchCpuLimit(parent.kernel, group);
  if (flags & CLONE.SIGHAND) group.actions = from.actions;
  else if (flags >= CLONE_CLEAR_SIGHAND) group.actions = from.actions.forExec();
  else group.actions = from.actions.fork();
  return group;
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
