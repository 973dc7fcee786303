/**
 * The Kernel actor: every operation from outside, one at a time (operation-queue.ts). Compare gVisor's
 * pkg/sentry/kernel/kernel.go.
 *
 * Ownership
 *   operation queue        KernelActor   what changes the kernel goes through it
 *   pid → shard            KernelActor   written when a process was created, removed when it exited
 *   stage, settings, root  KernelActor   by init, setRootMountNamespace, start, destroy; see messages/lifecycle.ts
 *   count of pauses        KernelActor   each shard has its own copy, by commands
 *   task tables, objects   the shard     asked by commands, never reached into
 *
 * Calls go down only: embedder → KernelActor → shard → thread group → task.
 */
import { E } from '../abi/errno.js';
import { assertNever } from '../base/assert.js';
import type { Log } from '../base/log.js';
import type { ObserverSpec } from '../messages/events.js';
import {
  type CreatedProcess,
  type ExitError,
  type KernelConfig,
  type KernelOperations,
  type OperationResult,
  ok,
  refused,
  type SavedActor,
  type SaveOptions,
} from '../messages/kernel.js';
import type { InitSettings, RootSettings } from '../messages/lifecycle.js';
import type {
  ExternalSignal,
  LoadRequest,
  ProcessSpec,
  ShardCommand,
  ShardNews,
  SignalTarget,
} from '../messages/shard.js';
import type {
  InitSnapshot,
  MountSnapshot,
  ShardQueries,
  ShardQuery,
  SupervisorSnapshot,
  SyslogEntry,
  TaskSnapshot,
  UtsSnapshot,
} from '../messages/snapshots.js';
import type { ActorRef } from './actor-ref.js';
import { Counters } from './counters.js';
import { HOST_SHARD } from './host-shard.js';
import { type HostFacts, settingsOfWhole, unlikeHost } from './init-settings.js';
import { type KernelClocks, KernelTime } from './kernel-time.js';
import { OperationQueue } from './operation-queue.js';
import { Pauses } from './pauses.js';
import { lackingOf, loadShards, saveShards } from './save/kernel-saving.js';
import { firstFailure, refusal, resultOf, SIGNAL_FAILURE } from './shard-answers.js';
import { ShardAsks } from './shard-asks.js';

const INIT_PID = 1;

export interface KernelActorParts {
  readonly shards: readonly ActorRef<ShardCommand>[];
  readonly log: Log;
  readonly config: KernelConfig;
  readonly host: HostFacts;
  readonly clocks: KernelClocks;
}

export class KernelActor implements KernelOperations {
  readonly #parts: KernelActorParts;
  readonly #queue = new OperationQueue();
  readonly #shardOf = new Map<number, number>();
  readonly #asks: ShardAsks;
  readonly #pauses = new Pauses();
  #counters = new Counters();
  #nextHooks = 1;
  /** For operations that stop time and have their turn already. */
  readonly time: KernelTime;
  #stage: 'made' | 'initialized' | 'started' | 'closed';
  #settings: InitSettings | undefined;
  #root: RootSettings | undefined;
  #globalInit: { readonly pid: number; exitStatus: number | undefined } | undefined;
  #exitError: ExitError | undefined;

  constructor(parts: KernelActorParts) {
    this.#parts = parts;
    this.#asks = new ShardAsks(parts.shards);
    this.time = new KernelTime(parts.clocks, (command) => this.#tellAll(command));
    this.#stage = parts.config.made === 'whole' ? 'started' : 'made';
    this.#root = parts.config.root;
  }

  init(settings: InitSettings): Promise<OperationResult<void>> {
    return this.#queue.add(async () => {
      if (this.#stage === 'closed') return CLOSED;
      if (this.#stage !== 'made') {
        return refused('AlreadyInitialized', E.EINVAL, 'the kernel is initialized already');
      }
      const { config, host, log } = this.#parts;
      const { clock } = settings.timekeeper;
      if (clock !== config.time) {
        return refused(
          'InvalidArgument',
          E.EINVAL,
          `timekeeper: the kernel was created with ${config.time} time`,
        );
      }
      const unlike = unlikeHost(settings.featureSet, host.features());
      if (unlike) return refused('InvalidArgument', E.EINVAL, `featureSet: ${unlike}`);
      let settled = settings;
      if (settings.useHostCores) {
        const applicationCores = Math.max(settings.applicationCores, host.possibleCores());
        if (applicationCores !== settings.applicationCores) {
          log.info({ from: settings.applicationCores, to: applicationCores }, 'application cores raised');
        }
        settled = { ...settings, applicationCores };
      }
      const failed = firstFailure(await this.#asks.askAll((id) => ({ type: 'init', id, settings: settled })));
      if (failed) return failed;
      this.#settings = settled;
      this.#stage = 'initialized';
      return ok(undefined);
    });
  }

  setRootMountNamespace(root: RootSettings): Promise<OperationResult<void>> {
    return this.#queue.add(async () => {
      if (this.#stage === 'closed') return CLOSED;
      if (this.#stage === 'made') return NOT_INITIALIZED;
      const answer = await this.#asks.ask(HOST_SHARD, (id) => ({ type: 'setRoot', id, root }));
      if (answer.type === 'failed') return { ...refusal(answer), code: 'InvalidArgument' };
      this.#root = root;
      return ok(undefined);
    });
  }

  rootMountNamespace(): Promise<RootSettings | undefined> {
    return this.#queue.add(() => this.#root);
  }

  createProcess(spec: ProcessSpec): Promise<OperationResult<CreatedProcess>> {
    return this.#queue.add(async () => {
      if (this.#stage === 'closed') return CLOSED;
      if (this.#stage === 'made') return NOT_INITIALIZED;
      if (!this.#root) {
        return refused('NoRootMountNamespace', E.ENOENT, 'there is no root mount namespace');
      }
      this.#parts.log.info({ argv: spec.argv }, 'EXEC');
      const asInit = this.#stage === 'initialized' && !this.#globalInit;
      const shard = HOST_SHARD;
      const answer = await this.#asks.ask(shard, (id) => ({ type: 'createProcess', id, spec, asInit }));
      if (answer.type !== 'created') return refusal(answer);
      this.#shardOf.set(answer.pid, shard);
      if (asInit) this.#globalInit = { pid: answer.pid, exitStatus: undefined };
      return ok({ pid: answer.pid, shard, pipes: answer.pipes });
    });
  }

  start(): Promise<OperationResult<void>> {
    return this.#queue.add(() => {
      if (this.#stage === 'closed') return CLOSED;
      if (this.#stage === 'made') return NOT_INITIALIZED;
      if (this.#stage === 'started') {
        return refused('AlreadyStarted', E.EINVAL, 'the kernel has started already');
      }
      if (this.#shardOf.size === 0) return refused('NoTasks', E.ESRCH, 'there is no process to start');
      this.#stage = 'started';
      this.#tellAll({ type: 'start' });
      return ok(undefined);
    });
  }

  async signal(pid: number, signo: number): Promise<OperationResult<void>> {
    return this.#sendTo({ type: 'threadGroup', pid }, { signo });
  }

  sendExternalSignal(
    target: SignalTarget | undefined,
    info: ExternalSignal,
    context: string,
  ): Promise<OperationResult<void>> {
    return this.#queue.add(async () => {
      this.#parts.log.info({ target: target ?? 'init', signo: info.signo, context }, 'external signal');
      if (target) return this.#sendTo(target, info);
      if (!this.#globalInit) return refused('NoInitProcess', E.ESRCH, 'there is no init process');
      return this.#sendTo({ type: 'threadGroup', pid: INIT_PID }, info);
    });
  }

  /** The home of all knows every process, wherever it runs. */
  async #sendTo(target: SignalTarget, info: ExternalSignal): Promise<OperationResult<void>> {
    if (this.#stage === 'closed') return CLOSED;
    const answer = await this.#asks.ask(HOST_SHARD, (id) => ({ type: 'signal', id, target, info }));
    if (answer.type !== 'signalled') return refusal(answer);
    const { errno } = answer;
    if (errno === 0) return ok(undefined);
    return { type: 'error', errno, message: SIGNAL_FAILURE[errno] ?? 'the signal was refused' };
  }

  async resize(pid: number, columns: number, rows: number): Promise<void> {
    const shard = this.#shardOf.get(pid);
    if (shard !== undefined) this.#parts.shards[shard]?.tell({ type: 'resize', pid, columns, rows });
  }

  kill(status: number): Promise<void> {
    return this.#queue.add(() => this.#tellAll({ type: 'kill', status }));
  }

  async pause(): Promise<OperationResult<void>> {
    // The wait is in an object, so that the queue does not wait for it.
    const begun = await this.#queue.add(() => {
      if (this.#stage === 'closed') return { rest: CLOSED };
      this.time.pause('paused');
      return { rest: this.#pauses.begin(this.#asks.askAll((id) => ({ type: 'pause', id }))) };
    });
    return begun.rest;
  }

  unpause(): Promise<OperationResult<void>> {
    return this.#queue.add(() => {
      if (this.#stage === 'closed') return CLOSED;
      if (!this.#pauses.end()) return refused('NotPaused', E.EINVAL, 'the kernel is not paused');
      if (this.#pauses.depth === 0) this.time.resume('paused');
      this.#tellAll({ type: 'unpause' });
      return ok(undefined);
    });
  }

  saveTo(path: string, options: SaveOptions): Promise<OperationResult<void>> {
    return this.#queue.add(async () => {
      if (this.#stage === 'closed') return CLOSED;
      if (!this.#pauses.complete) {
        return refused('NotPaused', E.EBUSY, 'only a paused kernel can be saved');
      }
      // It stands still already; unpause may come in between, and must not let it go.
      await this.time.pause('saving');
      try {
        const failed = await saveShards(this.#asks, path, options, {
          config: this.#parts.config,
          kernel: this.#toSaved(),
        });
        return failed ? refusal(failed) : ok(undefined);
      } finally {
        await this.time.resume('saving');
      }
    });
  }

  load(request: LoadRequest): Promise<OperationResult<readonly CreatedProcess[]>> {
    return this.#queue.add(async () => {
      if (this.#stage === 'closed') return CLOSED;
      const { settings, stage } = request.kernel;
      const lacking = settings && lackingOf(settings, this.#parts.host);
      if (lacking) return refused('CannotLoad', E.ENODEV, lacking);
      if (settings) await this.#asks.askAll((id) => ({ type: 'init', id, settings }));
      await this.time.pause('paused');
      const loaded = await loadShards(this.#asks, request);
      if ('type' in loaded) return refusal(loaded);
      for (const { pid, shard } of loaded) this.#shardOf.set(pid, shard);
      this.#fromSaved(request.kernel);
      if (stage === 'started') this.#tellAll({ type: 'start' });
      await this.#pauses.begin(Promise.resolve([]));
      return ok(loaded);
    });
  }

  #toSaved(): SavedActor {
    const { lastUniqueId, lastInotifyCookie } = this.#counters.state;
    return {
      stage: this.#stage,
      settings: this.#settings,
      root: this.#root,
      globalInit: this.#globalInit,
      exitError: this.#exitError,
      counters: { lastUniqueId: String(lastUniqueId), lastInotifyCookie },
    };
  }

  #fromSaved({ stage, settings, root, globalInit, exitError, counters }: SavedActor): void {
    this.#stage = stage;
    this.#settings = settings;
    this.#root = root;
    this.#globalInit = globalInit;
    this.#exitError = exitError;
    this.#counters = new Counters({ ...counters, lastUniqueId: BigInt(counters.lastUniqueId) });
  }

  /** Again when something was made meanwhile; a process that is only being made counts when it is there. */
  async waitExited(): Promise<void> {
    do {
      await this.#asks.askAll((id) => ({ type: 'whenEmpty', id }));
    } while (this.#stage !== 'closed' && this.#shardOf.size > 0);
  }

  async observe(observer: ObserverSpec): Promise<void> {
    this.#tellAll({ type: 'observe', observer });
  }

  async unobserve(id: number): Promise<void> {
    this.#tellAll({ type: 'unobserve', id });
  }

  intercept(url: string): Promise<OperationResult<number>> {
    return this.#queue.add(async () => {
      const hooks = this.#nextHooks++;
      const answers = await this.#asks.askAll((id) => ({ type: 'intercept', id, hooks, url }));
      for (const answer of answers) {
        if (answer.type === 'intercepting' && answer.wrong === undefined) continue;
        this.#tellAll({ type: 'stopIntercepting', hooks });
        if (answer.type !== 'intercepting') return refusal(answer);
        return { type: 'error', errno: E.EINVAL, message: answer.wrong ?? '' };
      }
      return ok(hooks);
    });
  }

  async stopIntercepting(hooks: number): Promise<void> {
    this.#tellAll({ type: 'stopIntercepting', hooks });
  }

  pauseTime(): Promise<void> {
    return this.#queue.add(() => this.time.pause('asked'));
  }

  resumeTime(): Promise<void> {
    return this.#queue.add(() => this.time.resume('asked'));
  }

  async realtimeClock(): Promise<bigint> {
    return this.time.realtime();
  }

  async monotonicClock(): Promise<bigint> {
    return this.time.monotonic();
  }

  async cpuClockNow(): Promise<number> {
    return this.time.cpuClock();
  }

  async globalInit(): Promise<InitSnapshot | undefined> {
    return this.#globalInit && { ...this.#globalInit };
  }

  async settings(): Promise<OperationResult<InitSettings>> {
    const { config, host } = this.#parts;
    if (config.made === 'whole') this.#settings ??= settingsOfWhole(config, host);
    return this.#settings ? ok(this.#settings) : NOT_INITIALIZED;
  }

  async uniqueId(): Promise<bigint> {
    return this.#counters.uniqueId();
  }

  async generateInotifyCookie(): Promise<number> {
    return this.#counters.inotifyCookie();
  }

  async allocateNetlinkPort(protocol: number, hint: number): Promise<OperationResult<number>> {
    const command = (id: number): ShardCommand => ({ type: 'allocateNetlinkPort', id, protocol, hint });
    const answer = await this.#asks.ask(HOST_SHARD, command);
    if (answer.type !== 'port') return refusal(answer);
    if (answer.port === undefined) return { type: 'error', errno: E.EADDRINUSE, message: 'no port is left' };
    return ok(answer.port);
  }

  async releaseNetlinkPort(protocol: number, port: number): Promise<void> {
    this.#parts.shards[HOST_SHARD]?.tell({ type: 'releaseNetlinkPort', protocol, port });
  }

  /** The home knows of all tasks; what one does that runs elsewhere, the shard there knows. */
  async taskSet(): Promise<OperationResult<readonly TaskSnapshot[]>> {
    const parts = await this.#queryAll('tasks');
    if (parts.type === 'error') return parts;
    const [home = [], ...others] = parts.value;
    const elsewhere = new Map(others.flat().map((task) => [task.tid, task]));
    return ok(
      home.map((task) => {
        const there = elsewhere.get(task.tid);
        return there ? { ...task, state: there.state, shard: there.shard } : task;
      }),
    );
  }

  /** Each shard has written the first lines: once is enough. The others are of one shard each. */
  async syslog(): Promise<OperationResult<readonly SyslogEntry[]>> {
    const parts = await this.#queryAll('syslog');
    if (parts.type === 'error') return parts;
    const [host = [], ...others] = parts.value;
    const boot = new Set(host.map((e) => e.text));
    const more = others.flat().filter((e) => !boot.has(e.text));
    return ok([...host, ...more].sort((a, b) => a.timeNs - b.timeNs));
  }

  utsNamespace(): Promise<OperationResult<UtsSnapshot>> {
    return this.#query('uts');
  }

  mounts(): Promise<OperationResult<readonly MountSnapshot[]>> {
    return this.#query('mounts');
  }

  supervisorContext(): Promise<OperationResult<SupervisorSnapshot>> {
    return this.#query('supervisor');
  }

  async #query<Q extends ShardQuery>(query: Q): Promise<OperationResult<ShardQueries[Q]>> {
    return resultOf(await this.#asks.ask(HOST_SHARD, (id) => ({ type: 'query', id, query })));
  }

  async #queryAll<Q extends ShardQuery>(query: Q): Promise<OperationResult<ShardQueries[Q][]>> {
    const values: ShardQueries[Q][] = [];
    for (const answer of await this.#asks.askAll((id) => ({ type: 'query', id, query }))) {
      const result = resultOf<Q>(answer);
      if (result.type === 'error') return result;
      values.push(result.value);
    }
    return ok(values);
  }

  setExitError(error: ExitError): Promise<void> {
    return this.#queue.add(() => {
      this.#exitError ??= error;
    });
  }

  exitError(): Promise<ExitError | undefined> {
    return this.#queue.add(() => this.#exitError);
  }

  destroy(): Promise<OperationResult<void>> {
    return this.#queue.add(async () => {
      if (this.#stage === 'closed') return ok(undefined);
      const tasks = await this.taskSet();
      if (tasks.type === 'error') return tasks;
      if (tasks.value.some((t) => t.state !== 'zombie')) {
        return refused('TasksRunning', E.EBUSY, 'tasks are still running');
      }
      this.#stage = 'closed';
      this.#tellAll({ type: 'shutdown' });
      this.#asks.failAll('the kernel is closed');
      this.#shardOf.clear();
      return ok(undefined);
    });
  }

  /** What a shard has to say. */
  receive(news: ShardNews): void {
    switch (news.type) {
      case 'ready':
        this.#parts.log.debug({ shard: news.shard }, 'shard is ready');
        break;
      case 'created':
      case 'failed':
      case 'signalled':
      case 'intercepting':
      case 'paused':
      case 'done':
      case 'port':
      case 'answer':
      case 'saved':
      case 'loaded':
        this.#asks.settle(news);
        break;
      case 'exited':
        this.#exited(news);
        break;
      case 'broken':
        this.#parts.log.error({ shard: news.shard, why: news.why }, 'a shard broke');
        // Nothing of this kernel can go on.
        this.#stage = 'closed';
        this.#asks.failAll(news.why);
        break;
      default:
        assertNever(news, 'shard news');
    }
  }

  #exited({ pid, status }: Extract<ShardNews, { type: 'exited' }>): void {
    this.#shardOf.delete(pid);
    if (pid !== INIT_PID || !this.#globalInit) return;
    this.#globalInit.exitStatus = status;
    this.#tellAll({ type: 'initExited' });
  }

  #tellAll(command: ShardCommand): void {
    for (const shard of this.#parts.shards) shard.tell(command);
  }
}

const CLOSED = refused('Closed', E.ESRCH, 'the kernel is closed');
const NOT_INITIALIZED = refused('NotInitialized', E.EINVAL, 'the kernel is not initialized');
