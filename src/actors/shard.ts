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
import { awayDispatch } from '../kernel/home/away-dispatch.js';
import { AwayLink } from '../kernel/home/away-link.js';
import { HomeDesk } from '../kernel/home/home-desk.js';
import { CannotLoad, CannotSave } from '../kernel/save/graph.js';
import type { KernelServices } from '../kernel/services.js';
import { spawnProcess } from '../kernel/spawn.js';
import { dispatch } from '../kernel/syscalls/dispatch.js';
import { kernelEventBase } from '../kernel/task/event-base.js';
import { abandonTask } from '../kernel/task/exit.js';
import { startGroupExit } from '../kernel/task/group-exit.js';
import { runReady, trapSink } from '../kernel/task/run.js';
import { pauseAll, unpauseAll } from '../kernel/task/stop.js';
import { Task } from '../kernel/task/task.js';
import { TaskSet } from '../kernel/task/task-set.js';
import { HostWaits } from '../kernel/time/host-waits.js';
import type { Timekeeper } from '../kernel/time/timekeeper.js';
import { newUtsNamespace } from '../kernel/uts.js';
import { CallWatch } from '../kernel/watch/call-watch.js';
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
import type { EventBlock } from './event-block.js';
import { EventHub } from './event-hub.js';
import type { EventOutbox } from './event-outbox.js';
import type { AwayLine, HomeLines, Lines } from './home-lines.js';
import { HOST_SHARD } from './host-shard.js';
import { type ImportModule, Interceptors } from './interceptors.js';
import { lazyLog } from './lazy-log.js';
import { localObservers } from './local-observers.js';
import { MailboxReceiver } from './mailbox.js';
import { newPlacement } from './placement.js';
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
  /** To the other shards, where there are any: the home's end, or this shard's. */
  readonly lines?: HomeLines | AwayLine | undefined;
  readonly outbox: EventOutbox;
  readonly eventBlock: EventBlock;
  readonly importModule: ImportModule;
  /** Something on this thread waits for Node's event loop to come round. */
  readonly needsEventLoop: () => boolean;
}

export class Shard {
  readonly #options: ShardOptions;
  readonly #platform: SystrapPlatform;
  readonly #hostFiles = new NodeHostFiles();
  readonly #time: ShardTime;
  readonly #hostWaits = new HostWaits();
  readonly #calls = new CallWatch();
  readonly #interceptors: Interceptors;
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
    const { index, config, eventBlock, outbox } = options;
    const timeNs = (): number => this.#time.keeper.monotonic();
    this.#hub = new EventHub(index, eventBlock, outbox, this.#calls, timeNs);
    this.#interceptors = new Interceptors(this.#calls, options.importModule, config);
    this.#services = this.#newServices();
    for (const observer of localObservers(config, this.#services.log)) this.#hub.addLocal(observer);
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
    const { control, index, config } = this.#options;
    const { tasks } = this.#services;
    const lines: Lines | undefined = this.#options.lines;
    return new Reactor({
      platform: this.#platform,
      time: this.#time,
      drainMail: () => {
        const commands = this.#mailbox.drain((command) => this.receive(command));
        return lines?.drain() || commands;
      },
      mailWaiting: () => this.#mailbox.waiting || lines?.waiting === true,
      setParked: (parked) => control.setParked(index, parked),
      ...(config.shards > 1 ? { busy: (ns) => control.addBusy(index, Math.round(ns / 1000)) } : {}),
      runReady: () => {
        if (!tasks.runQueue.empty) runReady(tasks);
      },
      settled: () => {
        this.#hub.settled();
        this.#time.cpuClock.wake();
      },
      resting: () => this.#hub.flush(),
      // A pause waits for the traps of all: they stop there, and make no events.
      held: () => this.#hub.held && tasks.pauses === 0,
      awaitRelease: () => this.#hub.awaitProgress(),
      portMail: () => control.portMail(index),
      needsEventLoop: () =>
        this.#interceptors.loading || lines?.backlog === true || this.#options.needsEventLoop(),
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
        this.#tellStop('pause');
        pauseAll(this.#services.tasks, () => this.#tell({ type: 'paused', id: command.id }));
        break;
      case 'unpause':
        if (unpauseAll(this.#services.tasks)) this.#tellStop('unpause');
        break;
      case 'save':
        this.#save(command.id, command.request);
        break;
      case 'load':
        this.#load(command.id, command.request);
        break;
      case 'kill':
        // A deputy ends with its body, which is told on its shard.
        for (const group of this.#services.tasks.groups())
          if (group.awayOn === undefined) startGroupExit(group, (command.status & 0xff) << 8);
        break;
      case 'pauseTime':
        this.#time.pause();
        break;
      case 'resumeTime':
        this.#time.resume(command.lostNs);
        break;
      case 'observe':
        this.#hub.observe(command.observer);
        break;
      case 'unobserve':
        this.#hub.unobserve(command.id);
        break;
      case 'intercept':
        void this.#intercept(command.id, command.hooks, command.url);
        break;
      case 'stopIntercepting':
        this.#interceptors.drop(command.hooks);
        break;
      case 'shutdown':
        this.#over = true;
        break;
      default:
        assertNever(command, 'shard command');
    }
  }

  async #intercept(id: number, hooks: number, url: string): Promise<void> {
    const wrong = await this.#interceptors.load(hooks, url);
    this.#tell({ type: 'intercepting', id, wrong });
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

  #tellStop(type: 'pause' | 'unpause'): void {
    if (this.#hub.wants(type)) this.#hub.emit({ ...kernelEventBase(this.#services), type });
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
    keeper.onShift = (shiftNs) => this.#platform.setClockShift(shiftNs);
    this.#platform.setClockShift(keeper.shiftNs);
  }

  #save(id: number, request: SaveRequest): void {
    this.#answer(id, 'CannotSave', () => {
      if (this.#options.index !== HOST_SHARD) {
        if (this.#services.tasks.size > 0) {
          throw new CannotSave('processes that run on several shards cannot be saved');
        }
        this.#tell({ type: 'saved', id });
        return;
      }
      this.#mounts ??= newRootNamespace(this.#services, rootOptions(this.#options.config));
      const bridged = new Map([...this.#bridges].map(([pid, { master }]) => [pid, master] as const));
      saveShard(this.#services, { mounts: this.#mounts, bridged }, this.#options.index, request);
      this.#tell({ type: 'saved', id });
    });
  }

  #load(id: number, request: LoadRequest): void {
    this.#answer(id, 'CannotLoad', () => {
      const { index } = this.#options;
      if (index !== HOST_SHARD) {
        this.#tell({ type: 'loaded', id, processes: [] });
        return;
      }
      const loaded = loadShard(this.#services, index, request, (ns) => this.#time.keeper.continueAt(ns));
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
    const services: KernelServices = {
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
        shard: index,
      }),
      uts: newUtsNamespace(config.hostname),
      timers: this.#time,
      delays: this.#time,
      hostWaits: this.#hostWaits,
      calls: this.#calls,
    };
    this.#joinOthers(services);
    return services;
  }

  /** Where there are several shards: takes this one's part in kernel/home. */
  #joinOthers(services: KernelServices): void {
    const { lines, config, control } = this.#options;
    if (!lines) return;
    if ('ask' in lines) {
      const link = new AwayLink(services, lines);
      services.away = link;
      services.tasks.dispatch = awayDispatch(link);
      lines.attach((message) => link.receive(message));
    } else {
      const load = {
        nowNs: () => services.clock.monotonic(),
        busyUs: (shard: number) => control.busyUs(shard),
      };
      const placement = newPlacement(config.placement, config.shards, load);
      const desk = new HomeDesk(services, config.shards, placement, (shard, m) => lines.tell(shard, m));
      services.home = desk;
      lines.attach((shard, message) => desk.receive(shard, message));
    }
  }

  #dispose(): void {
    this.#hub.finish();
    for (const bridge of this.#bridges.values()) bridge.close();
    for (const task of this.#services.tasks.all()) abandonTask(task);
    this.#platform.dispose();
    this.#mounts?.dispose();
    this.#options.lines?.close();
    this.#untrack();
  }
}

function rootOptions(config: KernelConfig): Parameters<typeof newRootNamespace>[1] {
  return {
    rootfs: fromUnicode(config.rootfs),
    tmpfs: config.tmpfs.map(fromUnicode),
    binds: config.binds.map((b) => ({ ...b, source: fromUnicode(b.source), target: fromUnicode(b.target) })),
  };
}
