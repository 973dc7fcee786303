/**
 * A shard's end of the conversation with the home (docs/decisions/0032): its processes are bodies, whose
 * deputies are there. Sends their calls home and wakes them with the outcome; makes bodies of processes
 * that come, tells home what becomes of them.
 *
 * Owner: a shard that is not the home. It may stand and wait for an answer of the home, which waits for
 * nobody.
 */
import { E } from '../../abi/errno.js';
import { SIG, SIG_IGN } from '../../abi/signal.js';
import { assertNever } from '../../base/assert.js';
import type { HostFd, Pid, Tid } from '../../base/brand.js';
import { GuestBroken } from '../../platform/platform.js';
import type { Mappable } from '../fs/file-description.js';
import { FsContext } from '../fs/fs-context.js';
import { MountNamespace } from '../fs/mounts.js';
import type { WalkContext } from '../fs/walk.js';
import { type Executable, withHead } from '../loader/executable.js';
import { type LoadedProgram, loadProgram } from '../loader/load.js';
import { type Blocking, Failure, fail, type Outcome, Restart, SyscallError } from '../outcome.js';
import type { KernelServices } from '../services.js';
import { PendingSignals } from '../signal/pending.js';
import { sendToGroup, sendToTask } from '../signal/send.js';
import type { CloneRequest } from '../task/clone.js';
import { startGroupExit } from '../task/group-exit.js';
import { start } from '../task/run.js';
import { Task } from '../task/task.js';
import { ThreadGroup } from '../task/thread-group.js';
import { AwayFdTable } from './away-fd-table.js';
import { booksOf } from './books.js';
import type { Answer, FromHome, LoadedFacts, Question, ToHome, Traveller } from './conversation.js';
import { type Lender, LentDescription, LentInode, NOWHERE } from './lent-file.js';
import { WatchedSignals } from './shown-signals.js';
import { limitsOf } from './traveller.js';

export interface HomeLine {
  tell(message: ToHome): void;
  /** Stands until the home has answered. */
  ask(question: Question): Answer;
}

/** A call that is being carried out at home. */
interface Forwarded {
  outcome: Outcome | undefined;
  wake: (() => void) | undefined;
}

/** How often the home is reminded that a call is to end. */
const CANCEL_AGAIN_NS = 10_000_000;
const MAX_ERRNO = 4095;
const ARGUMENTS = [0, 1, 2, 3, 4, 5];

export class AwayLink implements Lender {
  private readonly _kernel: KernelServices;
  private readonly _line: HomeLine;
  private readonly _calls = new Map<number, Forwarded>();
  /** How many calls have gone home by message. */
  calls = 0;
  private readonly _watched: WatchedSignals;
  private readonly _inodes = new Map<number, { inode: LentInode; files: number }>();
  private readonly _discarded = new WeakSet<ThreadGroup>();
  private readonly _mounts = new MountNamespace(NOWHERE);

  constructor(kernel: KernelServices, line: HomeLine) {
    this._kernel = kernel;
    this._line = line;
    this._watched = new WatchedSignals((message) => line.tell(message));
    kernel.tasks.futexes.elsewhere = (space, at, count, bits) => {
      if (space instanceof LentInode) line.tell({ type: 'futexWake', inode: space.number, at, count, bits });
    };
  }

  // Calls

  /** Carries out a system call at home: the one the task trapped with, or another. */
  *forward(task: Task, number = task.context.syscallNumber()): Blocking<Outcome> {
    if (task.mm.space.flush() < 0) throw new GuestBroken('its memory could not be changed as it was asked');
    const { tid } = task;
    const call = task.context.callBegun ? this._begun(tid) : this._begin(task, number);
    let deadlineNs = Number.POSITIVE_INFINITY;
    try {
      while (call.outcome === undefined) {
        const how = yield {
          deadlineNs,
          interruptible: deadlineNs === Number.POSITIVE_INFINITY,
          arm: (wake) => {
            call.wake = wake;
            if (call.outcome !== undefined) wake();
            return () => {
              call.wake = undefined;
            };
          },
        };
        if (how === 'ready') continue;
        this._line.tell({ type: 'cancel', tid });
        deadlineNs = this._kernel.clock.monotonic() + CANCEL_AGAIN_NS;
      }
      const { outcome } = call;
      // What restart_syscall(2) goes on with is at home too: until when, is known there.
      return outcome instanceof Restart && outcome.rule === 'block' ? new Restart('block', 0) : outcome;
    } finally {
      this._calls.delete(tid);
      if (call.outcome === undefined) this._line.tell({ type: 'abandon', tid });
    }
  }

  private _begin({ context, tid, mask }: Task, number: number): Forwarded {
    this.calls++;
    const call: Forwarded = { outcome: undefined, wake: undefined };
    this._calls.set(tid, call);
    const args = ARGUMENTS.flatMap((i) => [context.argLo(i), context.argHi(i)]);
    this._line.tell({ type: 'call', tid, number, args, mask });
    return call;
  }

  /** A call that went home by the lane, and whose task is here again before its end: the outcome may have come. */
  private _begun(tid: Tid): Forwarded {
    const known = this._calls.get(tid);
    if (known) return known;
    const call: Forwarded = { outcome: undefined, wake: undefined };
    this._calls.set(tid, call);
    return call;
  }

  private _outcome({ tid, outcome }: Extract<FromHome, { type: 'outcome' }>): void {
    const task = this._kernel.tasks.byTid(tid);
    if (!task) return;
    const call = this._calls.get(tid) ?? this._begun(task.tid);
    call.outcome = outcome.type === 'restart' ? new Restart(outcome.rule) : asOutcome(outcome.value);
    // One that went by the lane is not known to have called.
    if (call.wake) call.wake();
    else if (task.state.name === 'guest') task.context.interrupt();
  }

  // Questions

  private _ask(question: Question): Exclude<Answer, { type: 'refused' }> | Failure {
    const answer = this._line.ask(question);
    return answer.type === 'refused' ? fail(answer.errno) : answer;
  }

  /** A number for the child of a clone(2). */
  childNumber(parent: Task, request: CloneRequest): Tid | Failure {
    const answer = this._ask({ type: 'clone', tid: parent.tid, request });
    if (answer instanceof Failure) return answer;
    return (answer.type === 'number' ? answer.value : 0) as Tid;
  }

  isOrphaned(group: ThreadGroup): boolean {
    const answer = this._ask({ type: 'orphaned', pid: group.pid });
    return !(answer instanceof Failure) && answer.type === 'number' && answer.value === 1;
  }

  /** An open file of the task; the reference is the caller's. Throws EBADF. */
  file(tid: number, fd: number): LentDescription {
    const file = this._lent(this._ask({ type: 'file', tid, fd }));
    if (file instanceof Failure) throw new SyscallError(file.errno);
    return file;
  }

  /** A program to be executed by a path below a descriptor; the reference is the caller's. */
  programBelow(tid: number, fd: number, path: string, followLast: boolean): LentDescription | Failure {
    return this._lent(this._ask({ type: 'programBelow', tid, fd, path, followLast }));
  }

  /** The walk context of a program to be found at home. */
  contextFor(tid: number, ctx: WalkContext): WalkContext {
    return { ...ctx, openProgram: (path) => this._program(tid, path) };
  }

  private _program(tid: number, path: string): Executable | Failure {
    const file = this._lent(this._ask({ type: 'program', tid, path }));
    if (file instanceof Failure) return file;
    return withHead(this._kernel, file, file.place);
  }

  private _lent(answer: Answer | Failure): LentDescription | Failure {
    if (answer instanceof Failure) return answer;
    if (answer.type !== 'file') return fail(E.EIO);
    const { file } = answer;
    const known = this._inodes.get(file.inode);
    const description = new LentDescription(this, file, known?.inode);
    if (known) known.files++;
    else this._inodes.set(file.inode, { inode: description.inode as LentInode, files: 1 });
    return description;
  }

  mapping(handle: number, { shared, write }: { shared: boolean; write: boolean }): Mappable | Failure {
    const answer = this._ask({ type: 'mapping', handle, shared, write });
    if (answer instanceof Failure) return answer;
    if (answer.type !== 'mapping') return fail(E.EIO);
    return { fd: answer.mapping.fd as HostFd, base: answer.mapping.base };
  }

  giveBack(file: LentDescription): void {
    const { number } = file.inode as LentInode;
    const known = this._inodes.get(number);
    if (known && --known.files === 0) this._inodes.delete(number);
    // The home may close it now: no stub of this shard may keep a copy under that number.
    for (const fd of file.hostFds) this._kernel.platform.forgetFile(fd);
    this._line.tell({ type: 'releaseFile', handle: file.handle });
  }

  // What becomes of bodies

  born(child: Task): void {
    this._line.tell({ type: 'born', tid: child.tid, hostPid: child.mm.space.hostPid });
  }

  unborn(tid: Tid): void {
    this._line.tell({ type: 'unborn', tid });
  }

  executed(task: Task, filename: string, program: Omit<LoadedProgram, 'exe'>): void {
    this._line.tell({ type: 'executed', tid: task.tid, filename, facts: factsOf(program) });
  }

  /** The task's guest is about to run: in whose name it calls the home by itself, and with which mask. */
  letGo({ context, tid, mask, group }: Task): void {
    this._watched.look(group);
    context.setLaneOwner?.(tid, mask.lo, mask.hi);
  }

  stoppedOrContinued(group: ThreadGroup, stoppedBy: number): void {
    this._line.tell({ type: 'changed', pid: group.pid, stoppedBy });
  }

  actionChanged({ group }: Task, signo: number): void {
    this._line.tell({ type: 'action', pid: group.pid, signo, action: group.actions.get(signo) });
  }

  taskEnded(task: Task, status: number, { last }: { last: boolean }): void {
    const { group, tid } = task;
    this._calls.delete(tid);
    if (this._discarded.has(group)) return;
    if (!last) {
      this._line.tell({ type: 'threadEnded', tid, status });
      return;
    }
    this._watched.forget(group);
    const { cpu, maxResident, pid } = group;
    this._line.tell({ type: 'ended', pid, status, cpu, maxResident });
  }

  // What the home says

  receive(message: Exclude<FromHome, { type: 'answer' }>): void {
    const { tasks } = this._kernel;
    switch (message.type) {
      case 'outcome':
        this._outcome(message);
        break;
      case 'watchSignals': {
        const group = tasks.byPid(message.pid);
        if (group) this._watched.watch(group);
        break;
      }
      case 'tellBooks': {
        const group = tasks.byPid(message.pid);
        if (group) this._line.tell({ type: 'books', pid: message.pid, books: booksOf(group) });
        break;
      }
      case 'signalTaken': {
        const group = tasks.byPid(message.pid);
        const queue = message.tid === 0 ? group?.pending : tasks.byTid(message.tid)?.pending;
        if (group) this._watched.taken(group, queue, message.signo);
        break;
      }
      case 'look':
        tasks.byTid(message.tid)?.context.interrupt();
        break;
      case 'signal': {
        const group = tasks.byPid(message.pid);
        if (!group) break;
        const task = message.tid === 0 ? undefined : tasks.byTid(message.tid);
        if (task) sendToTask(task, message.info);
        else if (message.tid === 0) sendToGroup(group, message.info);
        break;
      }
      case 'arrive':
        this._line.tell({
          type: 'arrived',
          pid: message.traveller.pid,
          result: this._makeBody(message.traveller),
        });
        break;
      case 'go': {
        const group = tasks.byPid(message.pid);
        if (group) start(group.leader);
        break;
      }
      case 'discard': {
        const group = tasks.byPid(message.pid);
        if (!group) break;
        this._discarded.add(group);
        startGroupExit(group, SIG.KILL);
        break;
      }
      case 'futexWake': {
        const known = this._inodes.get(message.inode);
        if (known)
          tasks.futexes.wakeHere({ space: known.inode, at: message.at }, message.count, message.bits);
        break;
      }
      default:
        assertNever(message, 'message of the home');
    }
  }

  private _makeBody(traveller: Traveller): LoadedFacts | Failure['errno'] {
    const kernel = this._kernel;
    const { pid, creds, filename, argv, envp } = traveller;
    const limits = limitsOf(traveller, kernel.machine.maxTasks);
    const fs = FsContext.at(this._mounts);
    const { root, cwd, umask, mounts } = fs;
    const ctx = this.contextFor(pid, { creds, root, cwd, umask, mounts });
    const program = loadProgram(kernel, { ctx, creds, limits, filename, argv, envp });
    if (program instanceof Failure) return program.errno;
    const group = new ThreadGroup(pid as Pid, undefined, pid, pid, limits);
    group.hasExecuted = true;
    for (const signo of traveller.ignored) {
      group.actions.set(signo, { ...group.actions.get(signo), handler: SIG_IGN });
    }
    const context = program.mm.space.first;
    context.reset(program.pc, program.sp);
    const files = new AwayFdTable(this);
    const task = new Task(
      kernel,
      pid as number as Tid,
      group,
      context,
      program.mm,
      files,
      fs,
      program.creds,
      new PendingSignals(),
    );
    files.owner = task;
    task.comm = program.comm;
    task.mask = traveller.mask;
    task.personality = traveller.personality;
    task.timerSlackNs = traveller.timerSlackNs;
    kernel.tasks.add(task);
    return factsOf(program);
  }
}

function factsOf({ mm, comm, creds }: Omit<LoadedProgram, 'exe'>): LoadedFacts {
  const { exe, ...image } = mm.image;
  const inode = exe?.dentry.inode;
  const handle = inode instanceof LentInode ? inode.file?.handle : undefined;
  return { hostPid: mm.space.hostPid, comm, creds, image, exe: handle ?? 0 };
}

/** A return value as the guest sees it; errnos are failures again, so that tracing and restarts know them. */
function asOutcome(value: number): Outcome {
  return value < 0 && value >= -MAX_ERRNO ? fail(-value as Failure['errno']) : value;
}
