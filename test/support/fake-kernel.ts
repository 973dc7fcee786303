/**
 * A kernel without guests, for tests of tasks and signals: the fake platform, a clock that is moved by
 * hand, and the system calls of the families under test.
 */
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../../src/abi/mman.js';
import type { Ns, Pid } from '../../src/base/brand.js';
import { userAddr } from '../../src/base/brand.js';
import { silentLog } from '../../src/base/log.js';
import { type Credentials, credentialsOf } from '../../src/kernel/auth/credentials.js';
import { FdTable } from '../../src/kernel/fs/fd-table.js';
import { FsContext } from '../../src/kernel/fs/fs-context.js';
import type { HostFiles } from '../../src/kernel/fs/host-files.js';
import { MountNamespace } from '../../src/kernel/fs/mounts.js';
import { newTmpfs } from '../../src/kernel/fs/tmpfs/tmpfs.js';
import { MemoryManager } from '../../src/kernel/mm/memory-manager.js';
import { Failure, fail, type Result, SyscallError } from '../../src/kernel/outcome.js';
import type { KernelServices } from '../../src/kernel/services.js';
import { PendingSignals } from '../../src/kernel/signal/pending.js';
import { cloneCalls } from '../../src/kernel/syscalls/clone.js';
import type { Declaration } from '../../src/kernel/syscalls/declare.js';
import { exitCalls } from '../../src/kernel/syscalls/exit.js';
import { futexCalls } from '../../src/kernel/syscalls/futex.js';
import { identityCalls } from '../../src/kernel/syscalls/identity.js';
import { itimerCalls } from '../../src/kernel/syscalls/itimer.js';
import { killCalls } from '../../src/kernel/syscalls/kill.js';
import { signalCalls } from '../../src/kernel/syscalls/signal.js';
import { waitCalls } from '../../src/kernel/syscalls/wait.js';
import { ResourceLimits } from '../../src/kernel/task/limits.js';
import { runReady, start, trapSink } from '../../src/kernel/task/run.js';
import { Task } from '../../src/kernel/task/task.js';
import { TaskSet } from '../../src/kernel/task/task-set.js';
import { ThreadGroup } from '../../src/kernel/task/thread-group.js';
import { HostWaits } from '../../src/kernel/time/host-waits.js';
import { newUtsNamespace } from '../../src/kernel/uts.js';
import type { KernelEvent } from '../../src/messages/events.js';
import { FakePlatform } from '../../src/platform/fake/fake-platform.js';
import type { GuestProgram } from '../../src/platform/fake/guest-program.js';

/** Memory that every fake guest has, readable and writable; its stack grows down from the end. */
export const DATA = 0x10_0000;
const DATA_SIZE = 0x10_0000;
export const STACK_TOP = DATA + DATA_SIZE;
/** Where the program of `spawn` is entered. */
const ENTRY = 0x2_0000;

const families = [
  cloneCalls,
  exitCalls,
  futexCalls,
  identityCalls,
  itimerCalls,
  killCalls,
  signalCalls,
  waitCalls,
];

type Handler = (task: Task, ...args: unknown[]) => Result;

export class FakeKernel {
  readonly platform = new FakePlatform();
  readonly events: KernelEvent[] = [];
  nowNs = 1_000_000_000;
  /** Added to monotonic time for the wall clock. */
  readonly epochSec = 1_700_000_000;
  readonly services: KernelServices;
  readonly hostWaits = new HostWaits();
  readonly #timers = new Set<{ at: number; fire: () => void }>();
  readonly #calls = new Map<number, Declaration>();
  readonly #fs: FsContext;
  #entry = ENTRY;

  constructor(options: { maxTasks?: number; kernelMemoryBytes?: number } = {}) {
    for (const family of families) for (const d of family) this.#calls.set(d.number, d);
    const clock = {
      monotonic: (): Ns => this.nowNs as Ns,
      realtime: () => ({
        sec: this.epochSec + Math.floor(this.nowNs / 1e9),
        nsec: this.nowNs % 1e9,
      }),
      coarse: () => ({ sec: Math.floor(this.nowNs / 1e9), nsec: this.nowNs % 1e9 }),
    };
    const at = (deadlineNs: number, fire: () => void): (() => void) => {
      const timer = { at: deadlineNs, fire };
      this.#timers.add(timer);
      return () => this.#timers.delete(timer);
    };
    const maxTasks = options.maxTasks ?? 1000;
    this.services = {
      platform: this.platform,
      clock,
      random: { fill: (into) => into.fill(0) },
      hostFiles: {} as HostFiles,
      log: silentLog,
      events: { wants: (type) => type !== 'syscall', emit: (e) => this.events.push(e) },
      machine: {
        cores: 2,
        memoryBytes: 1 << 30,
        maxTasks,
        ...(options.kernelMemoryBytes ? { kernelMemoryBytes: options.kernelMemoryBytes } : {}),
        hwcap: 0,
        hwcap2: 0,
        cpuinfo: '',
        ticksPerSecond: 100,
      },
      tasks: new TaskSet({ maxTasks, dispatch: (task, number) => this.#dispatch(task, number) }),
      uts: newUtsNamespace('fake'),
      timers: { at },
      delays: { hostNs: () => this.nowNs, after: (ns, fire) => at(this.nowNs + ns, fire) },
      hostWaits: this.hostWaits,
    };
    const root = newTmpfs({ clock, hostFiles: this.services.hostFiles });
    this.#fs = FsContext.at(new MountNamespace(root));
    this.platform.attach(trapSink(this.services));
  }

  get tasks(): TaskSet {
    return this.services.tasks;
  }

  /** Adds a system call that the families do not have. */
  declare(declaration: Declaration): void {
    this.#calls.set(declaration.number, declaration);
  }

  /** A process that runs `program`, a child of `parent` or of the kernel. */
  spawn(program: GuestProgram, options: { creds?: Credentials } = {}): Task {
    const tid = this.tasks.allocateTid();
    if (tid instanceof Failure) throw new Error('too many tasks');
    const limits = ResourceLimits.defaults(this.services.machine.maxTasks);
    const mm = MemoryManager.create(this.services, { stackLimit: 8 << 20, fixed: false });
    const creds = options.creds ?? credentialsOf(1000, 1000);
    const mapped = mm.mmap(
      {
        addr: DATA,
        length: DATA_SIZE,
        prot: PROT_READ | PROT_WRITE,
        flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
      },
      { limits, creds },
    );
    if (mapped instanceof Failure) throw new Error(`mmap: ${mapped.errno}`);
    const group = new ThreadGroup(tid as number as Pid, undefined, tid, tid, limits);
    const context = mm.space.first;
    const entry = userAddr(this.#entry);
    this.#entry += 16;
    this.platform.place(entry, program);
    context.reset(entry, userAddr(STACK_TOP));
    const task = new Task(
      this.services,
      tid,
      group,
      context,
      mm,
      new FdTable(),
      this.#fs.fork(),
      creds,
      new PendingSignals(),
    );
    this.tasks.add(task);
    start(task);
    return task;
  }

  /** Runs until nothing happens any more (guests that compute for ever are left at it). */
  run(): void {
    this.settle();
    while (this.platform.poll() > 0) this.settle();
  }

  /** What the reactor does between traps. */
  settle(): void {
    runReady(this.tasks);
  }

  /** Moves the clock, timer by timer, and runs what they wake. */
  advance(byNs: number): void {
    const until = this.nowNs + byNs;
    for (;;) {
      const [next] = [...this.#timers].filter((t) => t.at <= until).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.nowNs = Math.max(this.nowNs, next.at);
      next.fire();
      this.run();
    }
    this.nowNs = until;
    this.run();
  }

  get armedTimers(): number {
    return this.#timers.size;
  }

  #dispatch(task: Task, number = task.context.syscallNumber()): Result {
    const { context } = task;
    const declaration = this.#calls.get(number);
    if (!declaration) return fail(38);
    try {
      const args = declaration.args.map((a, i) => a.codec.decode(task, context.argLo(i), context.argHi(i)));
      return (declaration.handler as Handler)(task, ...args);
    } catch (e) {
      if (e instanceof SyscallError) return fail(e.errno);
      throw e;
    }
  }
}

/** The status with which a process ended, as the kernel's own child. */
export function watchExit(task: Task): { status: number | undefined } {
  const seen: { status: number | undefined } = { status: undefined };
  task.group.onExit.push((status) => {
    seen.status = status;
  });
  return seen;
}
