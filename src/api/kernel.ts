/**
 * The kernel as its embedder holds it: made whole (`boot`, `spawn`) or in steps (`create`, `init`,
 * `setRootMountNamespace`, `createProcess`, `start`), paused, signalled, observed, and closed. Each
 * operation is a message to the Kernel actor.
 */
import { availableParallelism, totalmem } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { KernelLink } from '../actors/kernel-link.js';
import {
  EVENT_TYPES,
  type EventOf,
  type EventType,
  type FaultEvent,
  type FileEvent,
  type KernelEvent,
  type SignalEvent,
  type StopEvent,
  type StreamEvent,
  type SyscallEvent,
  type TaskEvent,
  type TimerEvent,
} from '../messages/events.js';
import { type ExitError, type KernelConfig, ok } from '../messages/kernel.js';
import type { RootSettings } from '../messages/lifecycle.js';
import type { ExternalSignal, LoadRequest, SignalTarget } from '../messages/shard.js';
import {
  type CreateOptions,
  type EventFilter,
  type KernelOptions,
  type LoadOptions,
  OptionsError,
  parseCreateOptions,
  parseKernelOptions,
  parseLoadOptions,
  parseRootOptions,
  parseSaveToOptions,
  parseSpawnOptions,
  type RootOptions,
  type SaveToOptions,
  type SpawnOptions,
} from '../options.js';
import { checkStraceFilter } from './check-strace.js';
import { type CreateProcessOptions, createProcessSpec } from './create-process-options.js';
import { type EventStream, eventStream } from './event-stream.js';
import { type InitOptions, initSettings } from './init-options.js';
import { InterceptError, type Interception, moduleUrlOf } from './interception.js';
import { KernelFacts } from './kernel-facts.js';
import { Observers } from './observers.js';
import { PendingCalls } from './pending-calls.js';
import { Process, spawnSpec, startOf } from './process.js';
import { reporting, writeSaved } from './saving.js';
import { stdioOf } from './stdio.js';

const DEFAULT_MAX_TASKS = 4096;
const DEFAULT_LOG_LEVEL = 'warn';

export class Kernel extends KernelFacts {
  protected readonly link: KernelLink;
  protected readonly calls = new PendingCalls();
  readonly #observers: Observers;
  readonly #processes = new Set<Process>();
  readonly #config: KernelConfig;
  #closing: Promise<void> | undefined;

  private constructor(config: KernelConfig) {
    super();
    this.#config = config;
    this.link = new KernelLink(config, {
      broke: (error) => this.#broke(error),
    });
    this.#observers = new Observers(this.link, config);
  }

  /**
   * Starts a kernel: its shards and, on the first of them, its Kernel actor. It is initialized and
   * started, and process 1 is the kernel itself. Throws OptionsError.
   */
  static async boot(options: KernelOptions = {}): Promise<Kernel> {
    return new Kernel(await configOf(parseKernelOptions(options), 'whole'));
  }

  /**
   * The threads of a kernel that is then made in steps: `init`, `setRootMountNamespace`, `createProcess`,
   * `start`. Its first process is process 1. Throws OptionsError.
   */
  static async create(options: CreateOptions = {}): Promise<Kernel> {
    return new Kernel(await configOf(parseCreateOptions(options), 'steps'));
  }

  /** Settles what the kernel is; once. OptionsError names what is missing. */
  async init(options: InitOptions): Promise<void> {
    const settings = initSettings(options);
    await this.calls.ask(() => this.link.operations.init(settings));
  }

  /** Where processes to come have their files from; those that are there keep theirs. */
  async setRootMountNamespace(options: RootOptions = {}): Promise<void> {
    const root = rootOf(parseRootOptions(options));
    await this.calls.ask(() => this.link.operations.setRootMountNamespace(root));
  }

  /** undefined before it was set. */
  rootMountNamespace(): Promise<RootSettings | undefined> {
    return this.calls.plain(() => this.link.operations.rootMountNamespace());
  }

  /**
   * Makes a process without a parent. Before `start` it does not run, and the first one is process 1;
   * afterwards it runs at once. Rejects with KernelError (NotInitialized, NoRootMountNamespace,
   * InvalidArgument), or with SpawnError when the program cannot be run.
   */
  async createProcess(options: CreateProcessOptions): Promise<Process> {
    const made = this.#adopt(new Process(this.link, startOf(this.link, createProcessSpec(options))));
    await Promise.race([new Promise((resolve) => made.once('spawn', resolve)), made.completed]);
    return made;
  }

  /** Lets all processes run; once. */
  async start(): Promise<void> {
    await this.calls.ask(() => this.link.operations.start());
  }

  /**
   * What happens in the sandbox from now on, as far as the filter wants it: an Observable, and iterable
   * with `for await`. Each subscription begins with the event `kernel` and ends, when the kernel is closed,
   * with `end`. What nobody asks for is not made. Throws OptionsError.
   */
  observe<const T extends EventType = EventType>(
    filter: EventFilter<T> = {},
  ): EventStream<EventOf<T> | StreamEvent> {
    return eventStream(this.#observers.observe(filter));
  }

  get events$(): EventStream<KernelEvent> {
    return this.observe();
  }

  get syscalls$(): EventStream<SyscallEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.syscalls });
  }

  get tasks$(): EventStream<TaskEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.tasks });
  }

  get signals$(): EventStream<SignalEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.signals });
  }

  get stops$(): EventStream<StopEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.stops });
  }

  get timers$(): EventStream<TimerEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.timers });
  }

  get files$(): EventStream<FileEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.files });
  }

  get faults$(): EventStream<FaultEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.faults });
  }

  /**
   * Starts a program, as child_process.spawn does: returns at once; `pid` is there after the event
   * `spawn`, and a failure to start comes as the event `error` and the rejection of `completed`.
   */
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Process {
    const given = parseSpawnOptions(options);
    const spec = spawnSpec(command, args, given, this.#config.root?.rootfs ?? '/');
    return this.#adopt(new Process(this.link, startOf(this.link, spec), given));
  }

  /** Those that were spawned, or loaded, and have not ended. */
  get processes(): readonly Process[] {
    return [...this.#processes];
  }

  /**
   * Writes the kernel, which must be paused, into a file or a stream. It can be unpaused afterwards and goes
   * on as if nothing had been. KernelError: `NotPaused`; `CannotSave`, with a message that names what stands
   * in the way.
   */
  async saveTo(to: string | Writable, options: SaveToOptions = {}): Promise<void> {
    const { compress = false, onProgress } = parseSaveToOptions(options);
    await writeSaved(to, (path) =>
      reporting(onProgress, (progress) =>
        this.calls.ask(() => this.link.operations.saveTo(path, { compress, progress })),
      ),
    );
  }

  /**
   * A kernel that goes on where a saved one was, in this process or another. It is paused: `unpause` lets it
   * go on. `processes` are those that the embedder had spawned; they get the streams of `stdio` in place of
   * their own. KernelError: `BrokenImage` for a file that is no saved kernel, is truncated or was altered;
   * `CannotLoad`, with a message that names what this host lacks.
   */
  static async loadFrom(from: string | Readable, options: LoadOptions = {}): Promise<Kernel> {
    const given = parseLoadOptions(options);
    const { stdio, windowSize, sleepers = 'keep', dropMissing = [], logLevel, onProgress } = given;
    const { describedBy, readSaved } = await import('./saved-kernel.js');
    return readSaved(from, async (path) => {
      const { config, kernel: saved } = describedBy(path);
      const kernel = new Kernel({ ...config, began: hostNow(), ...(logLevel && { logLevel }) });
      try {
        const streams = stdioOf({ stdio, windowSize });
        await reporting(onProgress, (progress) =>
          kernel.#load({ path, kernel: saved, progress, stdio: streams, sleepers, dropMissing }),
        );
      } catch (e) {
        await kernel.close();
        throw e;
      }
      return kernel;
    });
  }

  async #load(request: LoadRequest): Promise<void> {
    const loaded = await this.calls.ask(() => this.link.operations.load(request));
    for (const process of loaded) {
      const start = { stdio: request.stdio, create: async () => ok(process) };
      this.#adopt(new Process(this.link, start));
    }
  }

  /**
   * Loads a module of hooks (`SyscallHooks`) into every shard: from then on it is asked about the system
   * calls that it names, before and after them. Processes spawned later are its own; so are those that run.
   * Throws InterceptError when the module cannot be loaded, or is not one of hooks.
   */
  async intercept(moduleUrl: string | URL): Promise<Interception> {
    const { operations } = this.link;
    const url = moduleUrlOf(moduleUrl);
    const result = await operations.intercept(url);
    if (result.type === 'error') throw new InterceptError(url, result.message);
    const { value } = result;
    const close = (): Promise<void> => (this.#closing ? this.#closing : operations.stopIntercepting(value));
    return { close, [Symbol.asyncDispose]: close };
  }

  /** Ends every task with this exit status, paused or not; does not wait. */
  kill(exitStatus: number): Promise<void> {
    return this.calls.plain(() => this.link.operations.kill(exitStatus));
  }

  /**
   * Freezes the sandbox: resolves when every task has stopped. Tasks made meanwhile start stopped, and
   * time stands still for timers. Pauses nest. Rejects with KernelError `PauseEnded` when `unpause` came
   * before every task had stopped.
   */
  async pause(): Promise<void> {
    await this.calls.ask(() => this.link.operations.pause());
  }

  /** Ends one pause; after the last one, everything goes on. KernelError `NotPaused` without one. */
  async unpause(): Promise<void> {
    await this.calls.ask(() => this.link.operations.unpause());
  }

  /** To process 1, KernelError `NoInitProcess` without one. `context` is for the log: where it came from. */
  sendExternalSignal(info: ExternalSignal, context: string): Promise<void> {
    return this.#sendSignal(undefined, info, context);
  }

  /** To the process with this number, whoever made it. KernelError ESRCH without it. */
  sendExternalSignalThreadGroup(pid: number, info: ExternalSignal, context: string): Promise<void> {
    return this.#sendSignal({ type: 'threadGroup', pid }, info, context);
  }

  /** To every process of the group. KernelError ESRCH without any. */
  sendExternalSignalProcessGroup(pgid: number, info: ExternalSignal, context: string): Promise<void> {
    return this.#sendSignal({ type: 'processGroup', pgid }, info, context);
  }

  /** Resolves when no task lives. */
  waitExited(): Promise<void> {
    return this.calls.plain(() => this.link.operations.waitExited());
  }

  /** Notes why the kernel came to its end; the first error stays. */
  setExitError(error: Error): Promise<void> {
    const { name, message, stack } = error;
    const kept: ExitError = stack === undefined ? { name, message } : { name, message, stack };
    return this.calls.plain(() => this.link.operations.setExitError(kept));
  }

  exitError(): Promise<ExitError | undefined> {
    return this.calls.plain(() => this.link.operations.exitError());
  }

  /** Frees everything of a kernel in which no task runs; KernelError `TasksRunning` otherwise. Idempotent. */
  async destroy(): Promise<void> {
    if (!this.#closing) await this.calls.ask(() => this.link.operations.destroy());
    await this.close();
  }

  /**
   * Ends what still runs; no host process of the sandbox is left. For who exits next: the threads, which
   * take longer to end, go with this process. Nothing may be asked of the kernel any more but `close`.
   */
  async stop(): Promise<void> {
    await this.link.stop();
    this.#observers.end();
  }

  /**
   * Stops guests' time: their clocks, timers and timeouts, and the CPU clock. What computes goes on.
   * Idempotent.
   */
  pauseTime(): Promise<void> {
    return this.calls.plain(() => this.link.operations.pauseTime());
  }

  /** Time goes on from where it stood, the wall clock from the present. Without a pause it does nothing. */
  resumeTime(): Promise<void> {
    return this.calls.plain(() => this.link.operations.resumeTime());
  }

  /** Ends what still runs and frees everything. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #sendSignal(target: SignalTarget | undefined, info: ExternalSignal, context: string): Promise<void> {
    await this.calls.ask(() => this.link.operations.sendExternalSignal(target, info, context));
  }

  #adopt(made: Process): Process {
    this.#processes.add(made);
    const forget = (): void => {
      this.#processes.delete(made);
    };
    made.completed.then(forget, forget);
    return made;
  }

  async #close(): Promise<void> {
    for (const p of this.#processes) p.abandoned('the kernel was closed');
    this.calls.end('the kernel is closed');
    await this.link.close();
    this.#observers.end();
  }

  /** A worker is gone: nothing of this kernel can go on. */
  #broke(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    for (const p of this.#processes) p.abandoned(`the kernel broke: ${why}`);
    void this.close();
  }
}

/** CLOCK_MONOTONIC of the host. */
function hostNow(): KernelConfig['began'] {
  const [sec, nsec] = process.hrtime();
  return { sec, nsec };
}

async function configOf(options: KernelOptions, made: KernelConfig['made']): Promise<KernelConfig> {
  const filter = options.strace?.filter;
  if (filter !== undefined) {
    const wrong = checkStraceFilter(filter);
    if (wrong) throw new OptionsError(`strace: ${wrong}`);
  }
  const inject = typeof options.inject === 'string' ? [options.inject] : (options.inject ?? []);
  if (inject.length > 0) {
    // The table of all system calls comes with it: only who asks loads that.
    const { checkInjection } = await import('./check-injection.js');
    for (const rule of inject) {
      const wrong = checkInjection(rule);
      if (wrong) throw new OptionsError(`inject: ${rule}: ${wrong}`);
    }
  }
  const cores = options.cores ?? availableParallelism();
  const time = options.time ?? 'real';
  const placement = options.placement ?? 'pack';
  const shards = options.shards ?? (placement === 'pack' ? 1 : cores);
  // Shards would have to agree that all of them wait before any of their clocks may leap.
  if (time === 'virtual' && shards > 1) throw new OptionsError("time: 'virtual' needs shards: 1");
  return {
    made,
    root: made === 'whole' ? rootOf(options) : undefined,
    hostname: options.hostname ?? 'troupe',
    cores,
    shards,
    placement,
    memoryBytes: options.memory ?? totalmem(),
    maxTasks: options.pids ?? DEFAULT_MAX_TASKS,
    time,
    began: hostNow(),
    strace: options.strace ? { filter } : undefined,
    inject,
    injectSeed: options.injectSeed ?? 0,
    logLevel: options.logLevel ?? DEFAULT_LOG_LEVEL,
  };
}

function rootOf({ rootfs = '/', binds = [], tmpfs = [] }: RootOptions): RootSettings {
  return { rootfs, binds, tmpfs };
}
