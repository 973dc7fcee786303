/**
 * A shard: one worker thread's part of the kernel. Owns its platform, reactor, tasks and everything
 * they hold; takes commands of the KernelActor and tells it news.
 */
import { E } from '../abi/errno.js';
import { assertNever } from '../base/assert.js';
import type { HostFd } from '../base/brand.js';
import { fromUnicode } from '../base/bytes.js';
import { track } from '../base/disposable.js';
import { BootError, newRootNamespace } from '../kernel/boot.js';
import type { MountNamespace } from '../kernel/fs/mounts.js';
import type { TerminalBridge } from '../kernel/fs/tty/bridge.js';
import { CannotLoad, CannotSave } from '../kernel/save/graph.js';
import type { KernelServices } from '../kernel/services.js';
import { spawnProcess } from '../kernel/spawn.js';
import { dispatch } from '../kernel/syscalls/dispatch.js';
import { traceReturn } from '../kernel/syscalls/strace.js';
import { parseStraceFilter } from '../kernel/syscalls/strace-filter.js';
import { SyscallTrace } from '../kernel/syscalls/syscall-trace.js';
import { abandonTask } from '../kernel/task/exit.js';
import { startGroupExit } from '../kernel/task/group-exit.js';
import { runReady, trapSink } from '../kernel/task/run.js';
import { pauseAll, unpauseAll } from '../kernel/task/stop.js';
import { Task } from '../kernel/task/task.js';
import { TaskSet } from '../kernel/task/task-set.js';
import { HostWaits } from '../kernel/time/host-waits.js';
import type { Timekeeper } from '../kernel/time/timekeeper.js';
import { newUtsNamespace } from '../kernel/uts.js';
import type { KernelConfig, KernelErrorCode } from '../messages/kernel.js';
import type { LoadRequest, ProcessSpec, SaveRequest, ShardCommand, ShardNews } from '../messages/shard.js';
import { HostClock } from '../platform/host/clock.unsafe.js';
import { NodeHostFiles } from '../platform/host/host-files.unsafe.js';
import { hostMachine, timestampsPerNs } from '../platform/host/machine.unsafe.js';
import { drainEventfd, hostEventfd } from '../platform/host/pipes.unsafe.js';
import { hostRandom } from '../platform/host/random.unsafe.js';
import {
  newSystrapPlatform,
  type SystrapOptions,
  type SystrapPlatform,
} from '../platform/systrap/systrap.unsafe.js';
import type { ActorRef } from './actor-ref.js';
import type { ControlBlock } from './control-block.js';
import { EventHub } from './event-hub.js';
import { lazyLog } from './lazy-log.js';
import { MailboxReceiver } from './mailbox.js';
import { printLine } from './print-line.js';
import { Reactor } from './reactor.js';
import type { Ring } from './ring.js';
import { BrokenImage } from './save/frames.js';
import { loadShard, saveShard } from './save/shard-image.js';
import { ShardTime } from './shard-time.js';
import { StdioPlan } from './stdio-plan.js';
import { TaskActor } from './task-actor.js';

const EPOLLIN = 1;

export interface ShardOptions {
  readonly index: number;
  readonly config: KernelConfig;
  readonly control: ControlBlock;
  readonly commands: Ring;
  readonly news: ActorRef<ShardNews>;
  /** Something on this thread waits for Node's event loop to come round. */
  readonly needsEventLoop: () => boolean;
}

export class Shard {
  readonly #options: ShardOptions;
  readonly #platform: SystrapPlatform;
  readonly #hostFiles = new NodeHostFiles();
  readonly #time: ShardTime;
  readonly #hostWaits = new HostWaits();
  readonly #hub: EventHub;
  readonly #mailbox: MailboxReceiver<ShardCommand>;
  readonly #services: KernelServices;
  readonly #actors = new Map<number, TaskActor>();
  /** Terminals of processes that were started with one, by pid. */
  readonly #bridges = new Map<number, TerminalBridge>();
  readonly #bell: number;
  readonly #reactor: Reactor;
  readonly #untrack: () => void;
  /** Made when the first program is: a shard that gets none needs no file systems. */
  #mounts: MountNamespace | undefined;
  #over = false;

  constructor(options: ShardOptions) {
    this.#options = options;
    this.#untrack = track(`shard ${options.index}`);
    this.#mailbox = new MailboxReceiver(options.commands);
    this.#time = this.#newTime();
    this.#platform = newSystrapPlatform(this.#guestClock());
    this.#tellGuestsTime();
    this.#hostFiles.beforeClose = (fd) => this.#platform.forgetFile(fd);
    const { strace } = options.config;
    this.#hub = new EventHub(strace ? printLine : undefined, (events) =>
      this.#tell({ type: 'events', events }),
    );
    this.#services = this.#newServices();
    this.#platform.attach(trapSink(this.#services));
    this.#bell = hostEventfd();
    this.#platform.watch(this.#bell as HostFd, EPOLLIN, () => drainEventfd(this.#bell));
    options.control.setBell(options.index, this.#bell);
    this.#reactor = this.#newReactor();
  }

  /** Runs the reactor until the kernel is destroyed. */
  async run(): Promise<void> {
    this.#tell({ type: 'ready', shard: this.#options.index });
    try {
      await this.#reactor.run();
    } finally {
      this.#dispose();
    }
  }

  #newReactor(): Reactor {
    const { control, index } = this.#options;
    const { tasks } = this.#services;
    return new Reactor({
      platform: this.#platform,
      time: this.#time,
      drainMail: () => this.#mailbox.drain((command) => this.receive(command)),
      runReady: () => {
        if (!tasks.runQueue.empty) runReady(tasks);
      },
      settled: () => {
        this.#hub.flush();
        this.#time.cpuClock.wake();
      },
      portMail: () => control.portMail(index),
      needsEventLoop: this.#options.needsEventLoop,
      isOver: () => this.#over || control.isShutDown,
      mayTrapSoon: () => this.#platform.spinningPays,
      onlyTimePasses: () => this.#platform.running === 0 && tasks.runQueue.empty && !this.#hostWaits.any,
    });
  }

  /** The reactor ended by a bug: no command that was sent here will be answered. */
  broke(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#tell({ type: 'broken', shard: this.#options.index, why });
  }

  /** A Piscina task: lets a created process run and settles with its wait(2) status. */
  runTask(pid: number): Promise<number> {
    const actor = this.#actors.get(pid);
    if (!actor) return Promise.reject(new Error(`no process ${pid} on this shard`));
    actor.tell({ type: 'start' });
    const status = actor.completed();
    // A process may have been killed before it ran: so it is here until somebody has asked how it ended.
    status.then(() => this.#actors.delete(pid));
    return status;
  }

  /** The shard's time; the Kernel actor reads that of the shard it lives on. */
  get keeper(): Timekeeper {
    return this.#time.keeper;
  }

  /** Tells the Kernel actor; if it lives on this thread, promises were settled. */
  #tell(news: ShardNews): void {
    this.#options.news.tell(news);
    this.#reactor.passThroughEventLoop();
  }

  receive(command: ShardCommand): void {
    switch (command.type) {
      case 'createProcess':
        this.#createProcess(command.id, command.spec);
        break;
      case 'signal':
        this.#signal(command.id, command.pid, command.signo);
        break;
      case 'resize':
        this.#bridges.get(command.pid)?.resize(command.columns, command.rows);
        break;
      case 'pause':
        this.#pause(command.id);
        break;
      case 'unpause':
        unpauseAll(this.#services.tasks);
        break;
      case 'save':
        this.#save(command.id, command.request);
        break;
      case 'load':
        this.#load(command.id, command.request);
        break;
      case 'kill':
        for (const group of this.#services.tasks.groups())
          startGroupExit(group, (command.status & 0xff) << 8);
        break;
      case 'pauseTime':
        this.#tell({ type: 'timePaused', id: command.id, atNs: this.#time.pause() });
        break;
      case 'resumeTime':
        this.#time.resume(command.lostNs);
        break;
      case 'observe':
        this.#hub.observe(command.types);
        break;
      case 'shutdown':
        this.#over = true;
        break;
      default:
        assertNever(command, 'shard command');
    }
  }

  #createProcess(id: number, spec: ProcessSpec): void {
    let stdio: StdioPlan | undefined;
    try {
      this.#mounts ??= newRootNamespace(this.#services, rootOptions(this.#options.config));
      stdio = new StdioPlan(this.#services, this.#mounts, spec);
      const made = spawnProcess(this.#services, this.#mounts, { ...spec, files: stdio.files });
      if (made instanceof Task) {
        stdio.started(made);
        this.#adopt(made, stdio.bridge);
        this.#tell({ type: 'created', id, pid: made.group.pid, pipes: stdio.theirs });
        return;
      }
      stdio.abandon();
      this.#tell({ type: 'failed', id, ...made });
    } catch (e) {
      stdio?.abandon();
      const message = e instanceof Error ? e.message : String(e);
      // A BootError is the embedder's to hear about; anything else is a bug of ours.
      if (!(e instanceof BootError)) {
        this.#services.log.error({ error: e instanceof Error ? e.stack : message }, 'createProcess failed');
      }
      this.#tell({ type: 'failed', id, errno: E.EIO, obstacle: 'sandbox', message });
    }
  }

  #adopt(task: Task, bridge: TerminalBridge | undefined): void {
    const actor = new TaskActor(task);
    const { pid } = actor;
    this.#actors.set(pid, actor);
    if (bridge) this.#bridges.set(pid, bridge);
    actor.exits$.subscribe((status) => {
      this.#bridges.delete(pid);
      bridge?.finish();
      this.#tell({ type: 'exited', shard: this.#options.index, pid, status });
    });
  }

  #signal(id: number, pid: number, signo: number): void {
    const known = this.#actors.get(pid);
    const actor = known?.exitStatus === undefined ? known : undefined;
    if (actor && signo !== 0) actor.tell({ type: 'signal', signo });
    this.#tell({ type: 'signalled', id, errno: actor ? 0 : E.ESRCH });
  }

  #pause(id: number): void {
    pauseAll(this.#services.tasks, () => this.#tell({ type: 'paused', id }));
  }

  #newTime(): ShardTime {
    const { config, control } = this.#options;
    return new ShardTime({
      source: new HostClock(config.began),
      kind: config.time,
      guestsRun: () => this.#platform.running > 0,
      countTick: (tick) => control.countTick(tick),
    });
  }

  /** In virtual time guests ask for the time: what they could read by themselves does not leap. */
  #guestClock(): SystrapOptions {
    const { began, time } = this.#options.config;
    const { keeper } = this.#time;
    if (time === 'real') return { began };
    const perNs = timestampsPerNs();
    return { began, timestamp: () => BigInt(Math.floor(keeper.monotonic() * perNs)) };
  }

  #tellGuestsTime(): void {
    const { keeper } = this.#time;
    if (keeper.kind === 'virtual') return;
    keeper.onShift = ({ monotonicNs }) => this.#platform.setClockShift(monotonicNs);
    this.#platform.setClockShift(keeper.shift.monotonicNs);
  }

  #save(id: number, request: SaveRequest): void {
    this.#answer(id, 'CannotSave', () => {
      this.#mounts ??= newRootNamespace(this.#services, rootOptions(this.#options.config));
      const bridged = new Map([...this.#bridges].map(([pid, { master }]) => [pid, master] as const));
      saveShard(this.#services, { mounts: this.#mounts, bridged }, this.#options.index, request);
      this.#tell({ type: 'saved', id });
    });
  }

  #load(id: number, request: LoadRequest): void {
    this.#answer(id, 'CannotLoad', () => {
      const { index } = this.#options;
      const loaded = loadShard(this.#services, index, request, (ns) => this.#time.keeper.set(ns));
      this.#mounts = loaded.part.mounts;
      for (const { pid } of loaded.processes) {
        const leader = this.#services.tasks.byPid(pid)?.leader;
        if (leader) this.#adopt(leader, loaded.bridges.get(pid));
      }
      for (const bridge of loaded.bridges.values()) bridge.start();
      this.#tell({ type: 'loaded', id, processes: loaded.processes });
    });
  }

  /** What stands in the way of saving or loading is the embedder's to hear about. */
  #answer(id: number, otherwise: KernelErrorCode, act: () => void): void {
    try {
      act();
    } catch (e) {
      const error = e instanceof Error ? e : new Error(String(e));
      const code = error instanceof BrokenImage ? 'BrokenImage' : otherwise;
      const expected =
        error instanceof BrokenImage || error instanceof CannotSave || error instanceof CannotLoad;
      if (!expected) this.#services.log.error({ error: error.stack }, 'saving or loading failed');
      this.#tell({ type: 'failed', id, errno: E.EIO, obstacle: 'sandbox', message: error.message, code });
    }
  }

  #newServices(): KernelServices {
    const { config, index } = this.#options;
    const trace = newTrace(config);
    return {
      platform: this.#platform,
      clock: this.#time.keeper,
      random: hostRandom,
      hostFiles: this.#hostFiles,
      log: lazyLog(config.logLevel, `shard${index}`),
      events: this.#hub,
      machine: {
        ...hostMachine(),
        cores: config.cores,
        memoryBytes: config.memoryBytes,
        maxTasks: config.maxTasks,
        ticksPerSecond: 100,
      },
      tasks: new TaskSet({
        maxTasks: config.maxTasks,
        dispatch,
        traceReturn,
        shard: index,
        pids: { first: 2 + index, stride: config.shards },
      }),
      uts: newUtsNamespace(config.hostname),
      timers: this.#time,
      delays: this.#time,
      hostWaits: this.#hostWaits,
      ...(trace ? { syscallTrace: trace } : {}),
    };
  }

  #dispose(): void {
    this.#hub.flush();
    for (const bridge of this.#bridges.values()) bridge.close();
    for (const task of this.#services.tasks.all()) abandonTask(task);
    this.#platform.dispose();
    this.#mounts?.dispose();
    this.#untrack();
  }
}

function newTrace(config: KernelConfig): SyscallTrace | undefined {
  const filter = config.strace?.filter;
  if (filter === undefined) return undefined;
  const parsed = parseStraceFilter(filter);
  if ('error' in parsed) throw new Error(parsed.error);
  return new SyscallTrace({ filter: parsed });
}

function rootOptions(config: KernelConfig): Parameters<typeof newRootNamespace>[1] {
  return {
    rootfs: fromUnicode(config.rootfs),
    tmpfs: config.tmpfs.map(fromUnicode),
    binds: config.binds.map((b) => ({ ...b, source: fromUnicode(b.source), target: fromUnicode(b.target) })),
  };
}
