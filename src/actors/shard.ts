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
import { networkOf } from '../kernel/net/network.js';
import type { KernelServices } from '../kernel/services.js';
import { spawnProcess } from '../kernel/spawn.js';
import { dispatch } from '../kernel/syscalls/dispatch.js';
import { logBoot } from '../kernel/syslog.js';
import { kernelEventBase } from '../kernel/task/event-base.js';
import { abandonTask, killAll } from '../kernel/task/exit.js';
import { startGroupExit } from '../kernel/task/group-exit.js';
import { runReady } from '../kernel/task/run.js';
import { pauseAll, unpauseAll } from '../kernel/task/stop.js';
import { Task } from '../kernel/task/task.js';
import { TaskSet } from '../kernel/task/task-set.js';
import { HostWaits } from '../kernel/time/host-waits.js';
import type { Timekeeper } from '../kernel/time/timekeeper.js';
import { newUtsNamespace } from '../kernel/uts.js';
import { CallWatch } from '../kernel/watch/call-watch.js';
import type { KernelConfig } from '../messages/kernel.js';
import type { InitSettings, RootSettings } from '../messages/lifecycle.js';
import type { ProcessSpec, ShardCommand, ShardNews } from '../messages/shard.js';
import type { ShardQuery } from '../messages/snapshots.js';
import { HostClock } from '../platform/host/clock.unsafe.js';
import { exitProcess } from '../platform/host/exit.unsafe.js';
import { NodeHostFiles } from '../platform/host/host-files.unsafe.js';
import { timestampsPerNs } from '../platform/host/machine.unsafe.js';
import { drainEventfd, hostEventfd } from '../platform/host/pipes.unsafe.js';
import { hostRandom } from '../platform/host/random.unsafe.js';
import type { GuestClockOptions } from '../platform/systrap/guest-clock.js';
import type { Images } from '../platform/systrap/images.js';
import type { LaneTable } from '../platform/systrap/lane-table.js';
import { newSystrapPlatform, type SystrapPlatform } from '../platform/systrap/systrap.unsafe.js';
import type { ActorRef } from './actor-ref.js';
import type { ControlBlock } from './control-block.js';
import type { EventBlock } from './event-block.js';
import { EventHub } from './event-hub.js';
import type { EventOutbox } from './event-outbox.js';
import { sendExternalSignal } from './external-signal.js';
import type { AwayLine, HomeLines, Lines } from './home-lines.js';
import { type ImportModule, Interceptors } from './interceptors.js';
import { lazyLog } from './lazy-log.js';
import { localObservers } from './local-observers.js';
import { MailboxReceiver } from './mailbox.js';
import { joinOthers, laneHome, lookAtOthers, sinkFor } from './others.js';
import { Reactor } from './reactor.js';
import type { Ring } from './ring.js';
import { ShardSaving } from './save/shard-saving.js';
import { type MutableMachine, machineOf, rootOptions } from './shard-config.js';
import { answerQuery } from './shard-queries.js';
import { ShardTime } from './shard-time.js';
import { StdioPlan } from './stdio-plan.js';
import { TaskActor } from './task-actor.js';

const EPOLLIN = 1;

export interface ShardOptions {
  readonly index: number;
  readonly config: KernelConfig;
  readonly images: Images;
  readonly control: ControlBlock;
  readonly commands: Ring;
  readonly news: ActorRef<ShardNews>;
  readonly outbox: EventOutbox;
  readonly eventBlock: EventBlock;
  readonly importModule: ImportModule;
  /** To the other shards, where there are any: the home's end, or this shard's. */
  readonly lines?: HomeLines | AwayLine | undefined;
  /** By shard, where there are several: what the guests of each have to do with the home. */
  readonly lanes: readonly LaneTable[];
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
  readonly #machine: MutableMachine;
  /** Where the files of processes to come are from. */
  #root: RootSettings | undefined;
  /** Made of it with the first program: a shard that gets none needs no file systems. */
  #mounts: MountNamespace | undefined;
  /** Those of before, which processes may still use. */
  readonly #formerMounts: MountNamespace[] = [];
  /** Whether a created process may run. */
  #started: boolean;
  #over = false;
  /** The process that the host process ends with, and how. */
  #execPid: number | undefined;
  #exitStatus: number | undefined;

  constructor(options: ShardOptions) {
    this.#options = options;
    this.#untrack = track(`shard ${options.index}`);
    this.#mailbox = new MailboxReceiver(options.commands);
    this.#time = this.#newTime();
    this.#platform = newSystrapPlatform({
      ...this.#guestClock(),
      ...laneHome(options),
      images: options.images,
      alone: options.config.shards === 1,
    });
    this.#tellGuestsTime();
    this.#hostFiles.beforeClose = (fd) => this.#platform.forgetFile(fd);
    const { index, config, eventBlock, outbox } = options;
    this.#started = config.made === 'whole';
    this.#root = config.root;
    this.#machine = machineOf(config);
    this.#hub = new EventHub({
      shard: index,
      block: eventBlock,
      outbox,
      calls: this.#calls,
      timeNs: () => this.#time.keeper.monotonic(),
      hostNs: () => this.#time.hostNs(),
    });
    this.#interceptors = new Interceptors(this.#calls, options.importModule, config);
    this.#services = this.#newServices();
    for (const observer of localObservers(config, this.#services)) this.#hub.addLocal(observer);
    this.#platform.attach(sinkFor(options, this.#services));
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
    if (this.#exitStatus !== undefined) exitProcess(this.#exitStatus);
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
      idle: () => this.#hub.idle(),
      idleInNs: () => this.#hub.flushInNs,
      // A pause waits for the traps of all: they stop there, and make no events.
      held: () => this.#hub.held && tasks.pauses === 0,
      awaitRelease: () => this.#hub.awaitProgress(),
      portMail: () => control.portMail(index),
      needsEventLoop: () =>
        lines?.backlog === true || this.#interceptors.loading || this.#options.needsEventLoop(),
      isOver: () => this.#over || control.isShutDown,
      mayTrapSoon: () => {
        if (config.shards > 1) lookAtOthers(this.#options, this.#platform);
        return this.#platform.spinningPays;
      },
      onlyTimePasses: () => this.#platform.active === 0 && tasks.runQueue.empty && !this.#hostWaits.any,
    });
  }

  /** The reactor ended by a bug: no command that was sent here will be answered. */
  broke(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#tell({ type: 'broken', shard: this.#options.index, why });
  }

  /** A Piscina task: lets a created process run, once the kernel has started, and settles with its wait(2) status. */
  runTask(pid: number): Promise<number> {
    const actor = this.#actors.get(pid);
    if (!actor) return Promise.reject(new Error(`no process ${pid} on this shard`));
    if (this.#started) actor.tell({ type: 'start' });
    if (pid === this.#execPid) return new Promise(() => {});
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
    // What happened before it is told before it.
    this.#hub.flush();
    this.#options.news.tell(news);
    this.#reactor.passThroughEventLoop();
  }

  receive(command: ShardCommand): void {
    switch (command.type) {
      case 'init':
        this.#init(command.settings);
        this.#tell({ type: 'done', id: command.id });
        break;
      case 'setRoot':
        this.#setRoot(command.id, command.root);
        break;
      case 'createProcess':
        this.#createProcess(command.id, command.spec, command.asInit);
        break;
      case 'start':
        this.#started = true;
        for (const actor of this.#actors.values()) actor.tell({ type: 'start' });
        break;
      case 'initExited':
        killAll(this.#services.tasks);
        break;
      case 'signal': {
        const { id, target, info } = command;
        this.#tell({ type: 'signalled', id, errno: sendExternalSignal(this.#services.tasks, target, info) });
        break;
      }
      case 'whenEmpty':
        this.#services.tasks.whenEmpty(() => this.#tell({ type: 'done', id: command.id }));
        break;
      case 'allocateNetlinkPort': {
        const { id, protocol, hint } = command;
        const port = networkOf(this.#services).netlinkPorts.allocate(protocol, hint);
        this.#tell({ type: 'port', id, port });
        break;
      }
      case 'releaseNetlinkPort':
        networkOf(this.#services).netlinkPorts.release(command.protocol, command.port);
        break;
      case 'query':
        this.#answer(command.id, command.query);
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
        this.#newSaving().save(command.id, command.request);
        break;
      case 'load':
        this.#newSaving().load(command.id, command.request);
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

  #init(settings: InitSettings): void {
    const { rootUtsNamespace: uts, applicationCores, useHostCores, extraAuxv } = settings;
    this.#machine.cores = applicationCores;
    this.#machine.usesHostCores = useHostCores;
    this.#machine.extraAuxv = extraAuxv;
    this.#services.uts.nodename = fromUnicode(uts.hostname);
    this.#services.uts.domainname = fromUnicode(uts.domainname);
    networkOf(this.#services).hasInternet = settings.networkStack !== undefined;
  }

  /** At once, so that whoever named it hears what is wrong with it. */
  #setRoot(id: number, root: RootSettings): void {
    try {
      const mounts = newRootNamespace(this.#services, rootOptions(root));
      if (this.#mounts) this.#formerMounts.push(this.#mounts);
      this.#root = root;
      this.#mounts = mounts;
      this.#tell({ type: 'done', id });
    } catch (e) {
      this.#fail(id, e);
    }
  }

  #answer(id: number, query: ShardQuery): void {
    try {
      this.#tell({ type: 'answer', id, value: answerQuery(query, this.#services, this.#mounts) });
    } catch (e) {
      this.#fail(id, e);
    }
  }

  async #intercept(id: number, hooks: number, url: string): Promise<void> {
    const wrong = await this.#interceptors.load(hooks, url);
    this.#tell({ type: 'intercepting', id, wrong });
  }

  #newMounts(): MountNamespace {
    if (!this.#root) throw new BootError('there is no root mount namespace');
    return newRootNamespace(this.#services, rootOptions(this.#root));
  }

  #createProcess(id: number, spec: ProcessSpec, asInit: boolean): void {
    let stdio: StdioPlan | undefined;
    try {
      this.#mounts ??= this.#newMounts();
      stdio = new StdioPlan(this.#services, this.#mounts, spec);
      const made = spawnProcess(this.#services, this.#mounts, { ...spec, files: stdio.files, asInit });
      if (made instanceof Task) {
        stdio.started(made);
        if (spec.exec) this.#execPid = made.group.pid;
        this.#adopt(made, stdio.bridge);
        this.#tell({ type: 'created', id, pid: made.group.pid, pipes: stdio.theirs });
        return;
      }
      stdio.abandon();
      this.#tell({ type: 'failed', id, ...made });
    } catch (e) {
      stdio?.abandon();
      this.#fail(id, e);
    }
  }

  #fail(id: number, e: unknown): void {
    const message = e instanceof Error ? e.message : String(e);
    // A BootError is the embedder's to hear about; anything else is a bug of ours.
    if (!(e instanceof BootError)) {
      this.#services.log.error({ error: e instanceof Error ? e.stack : message }, 'an operation failed');
    }
    this.#tell({ type: 'failed', id, errno: E.EIO, obstacle: 'sandbox', message });
  }

  #adopt(task: Task, bridge: TerminalBridge | undefined): void {
    const actor = new TaskActor(task);
    const { pid } = actor;
    this.#actors.set(pid, actor);
    if (bridge) this.#bridges.set(pid, bridge);
    actor.exits$.subscribe((status) => {
      this.#bridges.delete(pid);
      bridge?.finish();
      if (pid === this.#execPid) this.#endWith(status);
      else this.#tell({ type: 'exited', shard: this.#options.index, pid, status });
    });
  }

  /** The program that the host process ends with has ended; nobody is told any more. */
  #endWith(status: number): void {
    const signal = status & 0x7f;
    this.#exitStatus = signal === 0 ? status >> 8 : 128 + signal;
    this.#over = true;
  }

  #tellStop(type: 'pause' | 'unpause'): void {
    if (this.#hub.wants(type)) this.#hub.emit({ ...kernelEventBase(this.#services), type });
  }

  #newTime(): ShardTime {
    const { config, control } = this.#options;
    return new ShardTime({
      source: new HostClock(config.began),
      kind: config.time,
      guestsRun: () => this.#platform.active > 0,
      countTick: (tick) => control.countTick(tick),
    });
  }

  /** In virtual time guests ask for the time: what they could read by themselves does not leap. */
  #guestClock(): GuestClockOptions {
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

  #newSaving(): ShardSaving {
    return new ShardSaving({
      index: this.#options.index,
      services: this.#services,
      bridges: this.#bridges,
      mounts: () => {
        this.#mounts ??= this.#newMounts();
        return this.#mounts;
      },
      setMounts: (mounts) => {
        this.#mounts = mounts;
      },
      adopt: (leader, bridge) => this.#adopt(leader, bridge),
      continueAt: (ns) => this.#time.keeper.continueAt(ns),
      tell: (news) => this.#tell(news),
    });
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
      machine: this.#machine,
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
    joinOthers(this.#options, services, this.#platform);
    logBoot(services);
    return services;
  }

  #dispose(): void {
    this.#hub.finish();
    for (const bridge of this.#bridges.values()) bridge.close();
    for (const task of this.#services.tasks.all()) abandonTask(task);
    this.#platform.dispose();
    for (const mounts of [...this.#formerMounts, this.#mounts]) mounts?.dispose();
    this.#options.lines?.close();
    this.#untrack();
  }
}
