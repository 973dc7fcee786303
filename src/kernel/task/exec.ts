/**
 * execve(2): a task exchanges its program; fs/exec.c (begin_new_exec).
 *
 * A task that is alone, in its group and in its memory, has the new program loaded into the address space
 * that it has, emptied when all that can be known of the files was known: what fails after that ends it,
 * as in Linux. Otherwise the new program is loaded beside the old one, and nothing of the caller changes
 * before that has succeeded. Then the other threads end, and the task, alone and leader of its group now,
 * moves into the new address space.
 */
import { ADDR_NO_RANDOMIZE, PER_CLEAR_ON_SETID } from '../../abi/personality.js';
import { PTRACE_EVENT } from '../../abi/ptrace.js';
import { SIG } from '../../abi/signal.js';
import { userAddr } from '../../base/brand.js';
import { CAP, type Credentials, has } from '../auth/credentials.js';
import type { VfsPath } from '../fs/path.js';
import type { WalkContext } from '../fs/walk.js';
import { HOME } from '../home/here.js';
import { mayTravel } from '../home/traveller.js';
import { type LoadedProgram, loadProgram } from '../loader/load.js';
import type { LayoutOptions } from '../mm/layout.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { type Blocking, ENTER_EXEC, Failure, type Outcome, type Result } from '../outcome.js';
import { eventStop, wantsEvent } from '../ptrace/stop.js';
import { unlink } from '../ptrace/tracee.js';
import { sendToTask } from '../signal/send.js';
import { userSignal } from '../signal/siginfo.js';
import { block, IN, WOULD_BLOCK } from '../wait.js';
import { eventBase } from './event-base.js';
import { accountSpace, tellOthersInMemory } from './exit.js';
import { killOthers, startGroupExit } from './group-exit.js';
import { NO_ALT_STACK, type Task } from './task.js';

export interface ExecRequest {
  readonly ctx: WalkContext;
  readonly filename: string;
  /** The program itself, where it was not found by `filename`. */
  readonly place?: VfsPath;
  readonly argv: readonly string[];
  readonly envp: readonly string[];
}

export function execute(task: Task, request: ExecRequest): Result {
  const { kernel, group, creds, mm: before } = task;
  const tracer = task.tracee?.tracer;
  const unsafe = tracer !== undefined && !has(tracer.creds, CAP.SYS_PTRACE);
  const shard = kernel.home && mayTravel(task, request) ? kernel.home.placement.choose() : HOME;
  if (kernel.home && shard !== HOME) return kernel.home.relocate(task, request, shard);
  const program = loadProgram(kernel, {
    ...request,
    ctx: kernel.away?.contextFor(task.tid, request.ctx) ?? request.ctx,
    creds,
    limits: group.limits,
    unsafe,
    fixedLayout: (task.personality & ADDR_NO_RANDOMIZE) !== 0,
    reuse: (options) => renewMemory(task, options),
  });
  if (program instanceof Failure) {
    if (task.mm === before) return program;
    // begin_new_exec is behind: there is no program to go back to.
    startGroupExit(group, SIG.SEGV);
    return program;
  }
  if (group.tasks.size > 1) return alone(task, request, program);
  takeProgram(task, request, program);
  return task.tracee ? traced(task, task.tid) : ENTER_EXEC;
}

/** The task's memory for its new program, if nobody else needs what it is now. */
function renewMemory(task: Task, options: LayoutOptions): MemoryManager | undefined {
  const { mm, context, group } = task;
  if (group.tasks.size > 1 || context !== mm.space.first || !mm.renewable) return undefined;
  tellOthersInMemory(task);
  task.mm = mm.renewed(options);
  return task.mm;
}

/** A tracer that did not ask for the event is told by a SIGTRAP, unless it seized the task. */
function* traced(task: Task, formerTid: number): Blocking<Outcome> {
  const { tracee } = task;
  if (wantsEvent(tracee, PTRACE_EVENT.EXEC)) yield* eventStop(task, PTRACE_EVENT.EXEC, formerTid);
  else if (tracee?.how === 'attached') {
    sendToTask(task, userSignal(SIG.TRAP, task.group.pid, task.creds.uid));
  }
  return ENTER_EXEC;
}

/** Ends the other threads, then goes on. When this one is killed meanwhile, the new program goes unused. */
function* alone(task: Task, request: ExecRequest, program: LoadedProgram): Blocking<Outcome> {
  const { group } = task;
  let used = false;
  try {
    if (group.execTask) {
      // Another thread is ahead and about to end this one: there is only that to wait for.
      yield* block(group.taskGone, IN, () => WOULD_BLOCK, { interruptible: false });
    }
    group.execTask = task;
    killOthers(task);
    yield* block(group.taskGone, IN, () => (group.tasks.size === 1 ? true : WOULD_BLOCK), {
      interruptible: false,
    });
    const formerTid = task.tid;
    if (group.leader !== task) {
      unlink(group.leader);
      task.kernel.tasks.makeLeader(task);
    }
    used = true;
    takeProgram(task, request, program);
    return task.tracee ? yield* traced(task, formerTid) : ENTER_EXEC;
  } finally {
    if (group.execTask === task) group.execTask = undefined;
    if (!used) program.mm.release();
  }
}

/** A program that is more than its user may not be looked into by him (dumpable), nor signalled at his end. */
function takeIdentity(task: Task, next: Credentials): void {
  const old = task.creds;
  task.creds = next;
  const differs = next.euid !== next.uid || next.egid !== next.gid;
  const changed = next.euid !== old.euid || next.egid !== old.egid;
  task.group.dumpable = differs || changed ? 0 : 1;
  if (!changed) return;
  task.parentDeathSignal = 0;
  task.personality &= ~PER_CLEAR_ON_SETID;
}

/** Leaves the old address space, which ends with its last task. */
function move(task: Task, mm: MemoryManager): void {
  const { context: oldContext, mm: oldMm } = task;
  tellOthersInMemory(task);
  accountSpace(task);
  const { user, system } = oldContext.cpuTime();
  task.cpuBefore = { user: task.cpuBefore.user + user, system: task.cpuBefore.system + system };
  task.context = mm.space.first;
  task.context.owner = task;
  task.mm = mm;
  oldContext.owner = undefined;
  oldContext.release();
  oldMm.release();
}

/** The point of no return: the task leaves its old program and is about to run the new one. */
export function takeProgram(
  task: Task,
  { filename, argv }: Pick<ExecRequest, 'filename' | 'argv'>,
  program: Omit<LoadedProgram, 'exe'>,
): void {
  const { group } = task;
  if (task.mm !== program.mm) move(task, program.mm);
  task.context.reset(program.pc, program.sp);
  if (task.files.shared) {
    const own = task.files.fork();
    task.files.release();
    task.files = own;
  }
  task.files.closeOnExec();
  group.actions = group.actions.forExec();
  group.hasExecuted = true;
  group.timers.clear();
  task.restartBlock = undefined;
  group.exitSignal = SIG.CHLD;
  takeIdentity(task, program.creds);
  task.comm = program.comm;
  task.altStack = { ...NO_ALT_STACK };
  task.robustList = userAddr(0);
  task.clearChildTid = userAddr(0);
  const done = task.vforkDone;
  task.vforkDone = undefined;
  done?.();
  const { events, away } = task.kernel;
  away?.executed(task, filename, program);
  if (group.awayOn === undefined && events.wants('exec'))
    events.emit({ ...eventBase(task), type: 'exec', filename, argv });
}
