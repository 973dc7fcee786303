/**
 * The home's end of the conversation with bodies (docs/decisions/0032): carries out the calls that come home in
 * the name of deputies, hands signals on, hears what becomes of bodies.
 *
 * Owner: the home shard. It never waits for another shard: what comes is a message, what goes is one.
 */
import { CLD, SIG } from '../../abi/signal.js';
import { assertNever } from '../../base/assert.js';
import type { LaneCall, LaneSink } from '../../platform/platform.js';
import { holdsSignalFile } from '../fs/anon/signalfd.js';
import type { Inode } from '../fs/inode.js';
import { MemoryManager } from '../mm/memory-manager.js';
import { type Blocking, ENTER_EXEC, Failure, fail, type Outcome } from '../outcome.js';
import type { KernelServices } from '../services.js';
import { maskHas } from '../signal/mask.js';
import type { SignalInfo } from '../signal/siginfo.js';
import { notifyParent } from '../task/child-notice.js';
import { type ExecRequest, takeProgram } from '../task/exec.js';
import { exitTask } from '../task/exit.js';
import { abandonCall, onTrap } from '../task/run.js';
import { GUEST, type NewState } from '../task/state.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { Answers } from './answers.js';
import { keepBooks } from './books.js';
import type { ForwardedOutcome, FromHome, LoadedFacts, ToHome } from './conversation.js';
import { DeputyContext, type DeputyEvents, DeputySpace, type ForwardedCall } from './deputy.js';
import { bringsMask } from './lane-calls.js';
import { ShownSignals } from './shown-signals.js';
import { travellerOf } from './traveller.js';

/** Where programs run: a policy (actors/placement.ts). */
export interface ProgramPlacement {
  /** The shard for a program that is about to be executed; 0 is the home. */
  choose(): number;
}

export type TellBody = (shard: number, message: FromHome) => void;

export class HomeDesk implements DeputyEvents, LaneSink {
  private readonly _kernel: KernelServices;
  private readonly _tell: TellBody;
  /** Waits for a shard's answer to `arrive`, by pid. */
  private readonly _arrivals = new Map<number, (result: LoadedFacts | Failure) => void>();
  /** Processes whose bodies wait for `go`. */
  private readonly _toStart = new Set<ThreadGroup>();
  /** Calls that came while their task was stopped. */
  private readonly _held = new Map<Task, { call: ForwardedCall; byLane: LaneCall | undefined }>();
  private readonly _answers: Answers;
  /** What signalfds show of the signals of bodies. */
  readonly shownSignals = new ShownSignals((group, message) => this._tellFirst(group, message));
  /** Who reads of processes what their bodies know, by pid. */
  private readonly _readers = new Map<number, (() => void)[]>();

  constructor(
    kernel: KernelServices,
    /** How many shards there are; bodies are on all but the first. */
    readonly shards: number,
    readonly placement: ProgramPlacement,
    tell: TellBody,
  ) {
    this._kernel = kernel;
    this._tell = tell;
    this._answers = new Answers(kernel);
    kernel.tasks.futexes.elsewhere = (space, at, count, bits) => {
      const inode = this._answers.numberOf(space as Inode);
      if (inode !== undefined) this._wakeElsewhere(-1, { type: 'futexWake', inode, at, count, bits });
    };
  }

  // What is told to bodies

  /** A signal for a process, or for one of its tasks. */
  signal(group: ThreadGroup, only: Task | undefined, info: SignalInfo): void {
    if (group.awayOn === undefined || passesBy(group, info)) return;
    this._tellFirst(group, { type: 'signal', pid: group.pid, tid: only?.tid ?? 0, info });
  }

  /** What comes of a call and its body must hear of is there before the call has ended. */
  private _tellFirst(group: ThreadGroup, message: FromHome): void {
    if (group.awayOn === undefined) return;
    for (const { context } of group.tasks) if (context instanceof DeputyContext) context.endByMessage();
    this._tell(group.awayOn, message);
  }

  /** execve: the program is loaded on another shard, and the task becomes a deputy. */
  *relocate(task: Task, request: ExecRequest, shard: number): Blocking<Outcome> {
    const { group } = task;
    let result: LoadedFacts | Failure | undefined;
    let wake: (() => void) | undefined;
    this._arrivals.set(group.pid, (r) => {
      result = r;
      wake?.();
    });
    this._tell(shard, { type: 'arrive', traveller: travellerOf(task, request) });
    try {
      while (result === undefined) {
        yield {
          deadlineNs: Number.POSITIVE_INFINITY,
          interruptible: false,
          arm(w) {
            wake = w;
            if (result !== undefined) w();
            return () => {
              wake = undefined;
            };
          },
        };
      }
    } finally {
      this._arrivals.delete(group.pid);
      // Killed meanwhile: the program goes unused.
      if (result === undefined) this._tell(shard, { type: 'discard', pid: group.pid });
    }
    if (result instanceof Failure) return result;
    this._becomeDeputy(task, request, shard, result);
    return ENTER_EXEC;
  }

  /** The same for a process from outside that has not run yet; where that fails, it runs its program here. */
  beginElsewhere(task: Task, request: ExecRequest, shard: number): NewState {
    return { name: 'new', first: this._elsewhere(task, request, shard) };
  }

  private *_elsewhere(task: Task, request: ExecRequest, shard: number): Blocking<Outcome> {
    yield* this.relocate(task, request, shard);
    return ENTER_EXEC;
  }

  private _becomeDeputy(task: Task, request: ExecRequest, shard: number, facts: LoadedFacts): void {
    const { group } = task;
    this._takeProgram(task, request, this._newSpace(facts.hostPid), facts);
    group.awayOn = shard;
    this._toStart.add(group);
    for (const [queue, only] of [
      [task.pending, task],
      [group.pending, undefined],
    ] as const) {
      for (const info of queue.list()) {
        queue.remove(info.signo);
        this.signal(group, only, info);
      }
    }
  }

  private _newSpace(hostPid: number): DeputySpace {
    const { hostFiles, platform } = this._kernel;
    return new DeputySpace(hostPid, hostFiles, this, (pid) => platform.foreignMemory(pid));
  }

  private _takeProgram(
    task: Task,
    request: Pick<ExecRequest, 'filename' | 'argv'>,
    space: DeputySpace,
    facts: LoadedFacts,
  ): void {
    const exe = this._answers.lent(facts.exe)?.path;
    const mm = new MemoryManager(this._kernel, space, task.mm.layout);
    mm.image = { ...facts.image, exe };
    takeProgram(task, request, { mm, pc: task.context.getPc(), sp: task.context.getSp(), ...facts });
  }

  /** Has what the body knows of its process told. True when it is known here; else `ready` is called. */
  askForBooks({ pid, awayOn }: ThreadGroup, ready: () => void): boolean {
    if (awayOn === undefined) return true;
    const readers = this._readers.get(pid);
    if (readers) readers.push(ready);
    else this._readers.set(pid, [ready]);
    if (!readers) this._tell(awayOn, { type: 'tellBooks', pid });
    return false;
  }

  private _booksCame(pid: number): void {
    const readers = this._readers.get(pid);
    this._readers.delete(pid);
    for (const ready of readers ?? []) ready();
  }

  // DeputyEvents

  started({ owner }: DeputyContext): void {
    const task = owner as Task;
    const { group } = task;
    if (this._toStart.delete(group) && group.awayOn !== undefined) {
      this._tell(group.awayOn, { type: 'go', pid: group.pid });
      if (holdsSignalFile(task.files)) this.shownSignals.watch(group);
    }
    const held = this._held.get(task);
    if (held) this._soon(() => this._call(task, held.call, held.byLane));
  }

  finished({ owner }: DeputyContext, outcome: ForwardedOutcome): void {
    const { tid, group } = owner as Task;
    if (group.awayOn !== undefined) this._tell(group.awayOn, { type: 'outcome', tid, outcome });
  }

  released({ lastOwner, bodyEnded }: DeputyContext): void {
    const task = lastOwner as Task | undefined;
    if (bodyEnded || !task || task.group.awayOn === undefined) return;
    this._tell(task.group.awayOn, { type: 'discard', pid: task.group.pid });
  }

  interrupted(context: DeputyContext): void {
    this._soon(() => {
      const task = context.owner as Task | undefined;
      if (task?.state !== GUEST) return;
      context.trap.kind = 'interrupt';
      onTrap(task);
    });
  }

  /** Not in the middle of what is being done now. */
  private _soon(run: () => void): void {
    this._kernel.timers.at(this._kernel.clock.monotonic(), run);
  }

  // What bodies say

  receive(shard: number, message: ToHome): void {
    const { tasks } = this._kernel;
    switch (message.type) {
      case 'ask':
        this._tell(shard, { type: 'answer', id: message.id, answer: this._answers.to(message.question) });
        break;
      case 'call': {
        const task = this._deputy(message.tid);
        if (!task) break;
        task.mask = message.mask;
        this._call(task, message);
        break;
      }
      case 'cancel':
        cancel(this._deputy(message.tid));
        break;
      case 'abandon':
        this._abandon(this._deputy(message.tid));
        break;
      case 'born': {
        const child = this._deputy(message.tid);
        const space = child?.context.addressSpace;
        if (space instanceof DeputySpace) space.bornAs(message.hostPid);
        if (child && holdsSignalFile(child.files)) this.shownSignals.watch(child.group);
        break;
      }
      case 'unborn':
        this._end(this._deputy(message.tid), SIG.KILL);
        break;
      case 'executed':
        this._executed(message);
        break;
      case 'arrived': {
        const { result } = message;
        this._arrivals.get(message.pid)?.(typeof result === 'number' ? fail(result) : result);
        break;
      }
      case 'action':
        tasks.byPid(message.pid)?.actions.set(message.signo, message.action);
        break;
      case 'changed':
        changed(tasks.byPid(message.pid), message.stoppedBy);
        break;
      case 'threadEnded':
        this._end(this._deputy(message.tid), message.status);
        break;
      case 'ended':
        this._ended(message);
        break;
      case 'books': {
        const group = tasks.byPid(message.pid);
        if (group) keepBooks(group, message.books, (handle) => this._answers.lent(handle));
        this._booksCame(message.pid);
        break;
      }
      case 'pending': {
        const group = tasks.byPid(message.pid);
        if (group) this.shownSignals.receive(group, message);
        break;
      }
      case 'releaseFile':
        this._answers.takeBack(message.handle);
        break;
      case 'futexWake':
        this._wakeElsewhere(shard, message);
        break;
      default:
        assertNever(message, 'message of a body');
    }
  }

  private _deputy(tid: number): Task | undefined {
    const task = this._kernel.tasks.byTid(tid);
    return task?.context instanceof DeputyContext ? task : undefined;
  }

  /** A call of a body that came by the lane; what its shard told before was received before. */
  onCall(tid: number, call: LaneCall): void {
    const task = this._deputy(tid);
    if (!task) return;
    if (bringsMask(task, call)) {
      call.decline();
      this.onNonsense(tid);
      return;
    }
    const { maskLo, maskHi } = call;
    if (task.mask.lo !== maskLo || task.mask.hi !== maskHi) task.mask = { lo: maskLo, hi: maskHi };
    this._call(task, call, call);
  }

  private _call(task: Task, call: ForwardedCall, byLane?: LaneCall): void {
    if (task.state !== GUEST) {
      this._held.set(task, { call, byLane });
      return;
    }
    if (this._held.size > 0) this._held.delete(task);
    (task.context as DeputyContext).begin(call, byLane);
    onTrap(task);
  }

  /** Its shard has the guest back and is to look what it wants. */
  onNonsense(tid: number): void {
    const task = this._deputy(tid);
    if (task?.group.awayOn !== undefined) this._tell(task.group.awayOn, { type: 'look', tid });
  }

  private _abandon(task: Task | undefined): void {
    if (!task) return;
    this._held.delete(task);
    (task.context as DeputyContext).forget();
    abandonCall(task);
  }

  private _executed({ tid, filename, facts }: Extract<ToHome, { type: 'executed' }>): void {
    const group = this._kernel.tasks.byPid(tid);
    const [task] = group?.tasks ?? [];
    if (!task) return;
    if (task.group.leader !== task) this._kernel.tasks.makeLeader(task);
    const { addressSpace } = task.context;
    // Its body counts what it uses, and tells at its end.
    if (addressSpace instanceof DeputySpace) addressSpace.final = NOTHING;
    (task.context as DeputyContext).bodyEnded = true;
    this._takeProgram(task, { filename, argv: [] }, this._newSpace(facts.hostPid), facts);
  }

  private _end(task: Task | undefined, status: number): void {
    if (!task) return;
    this._abandon(task);
    (task.context as DeputyContext).bodyEnded = true;
    task.exitStatus = status;
    exitTask(task);
  }

  private _ended({ pid, status, cpu, maxResident }: Extract<ToHome, { type: 'ended' }>): void {
    const group = this._kernel.tasks.byPid(pid);
    this._booksCame(pid);
    if (!group || group.isZombie) return;
    this.shownSignals.forget(group);
    group.exiting = status;
    for (const task of [...group.tasks]) {
      const { addressSpace } = task.context;
      if (addressSpace instanceof DeputySpace)
        addressSpace.final = { ...cpu, peakResidentBytes: maxResident };
      this._end(task, status);
    }
  }

  /** To waiters at home and on every shard but the one it came from. */
  private _wakeElsewhere(from: number, wake: Extract<ToHome, { type: 'futexWake' }>): void {
    const { tasks } = this._kernel;
    if (from >= 0) {
      const inode = this._answers.inodeOf(wake.inode);
      if (inode) tasks.futexes.wakeHere({ space: inode, at: wake.at }, wake.count, wake.bits);
    }
    for (let shard = 1; shard < this.shards; shard++) if (shard !== from) this._tell(shard, wake);
  }
}

/**
 * An ignored signal to a process that is all at home by the lane (SIGCHLD to who waits for children): what it
 * blocks and ignores is known here then, and its body need not hear of what it would drop.
 */
function passesBy({ tasks, actions, leader }: ThreadGroup, { signo }: SignalInfo): boolean {
  if (tasks.size !== 1 || signo === SIG.CONT || !actions.ignores(signo)) return false;
  const { context, mask, tracee, kernel } = leader;
  if (tracee || maskHas(mask, signo) || kernel.events.wants('signalSent')) return false;
  return context instanceof DeputyContext && context.callsByLane;
}

const NOTHING = { user: 0, system: 0, peakResidentBytes: 0 };

/** What blocks ends as by a signal; what does not has ended or will. */
function cancel(task: Task | undefined): void {
  if (task?.state.name !== 'blocked' || task.state.woken || !task.state.wait.interruptible) return;
  task.state.woken = 'interrupted';
  task.kernel.tasks.runQueue.add(task);
}

function changed(group: ThreadGroup | undefined, stoppedBy: number): void {
  if (!group || group.isZombie) return;
  group.continued = stoppedBy === 0;
  group.stopped = stoppedBy === 0 ? undefined : { signo: stoppedBy, reported: false };
  if (stoppedBy === 0) notifyParent(group, CLD.CONTINUED, SIG.CONT);
  else notifyParent(group, CLD.STOPPED, stoppedBy);
}
