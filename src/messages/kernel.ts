/**
 * Embedder ↔ KernelActor: the operations behind Comlink. Each takes its turn in the one queue of
 * external operations, unless it says otherwise.
 */
import type { Timespec } from '../base/clock.js';
import type { PlacementPolicy } from '../base/placement.js';
import type { ObserverSpec } from './events.js';
import type { InitSettings, RootSettings } from './lifecycle.js';
import type { ExternalSignal, LoadRequest, ProcessSpec, SignalTarget, StartObstacle } from './shard.js';
import type {
  InitSnapshot,
  MountSnapshot,
  SupervisorSnapshot,
  SyslogEntry,
  TaskSnapshot,
  UtsSnapshot,
} from './snapshots.js';

export interface CreatedProcess {
  readonly pid: number;
  readonly shard: number;
  /** The embedder's ends of the pipes asked for, by guest descriptor. */
  readonly pipes: readonly (number | null)[];
}

/** What stands in the way of an operation, where an errno does not say it. */
export type KernelErrorCode =
  /** The kernel was destroyed, or broke. */
  | 'Closed'
  | 'NotInitialized'
  | 'AlreadyInitialized'
  | 'AlreadyStarted'
  /** start without a process. */
  | 'NoTasks'
  /** createProcess without a root mount namespace. */
  | 'NoRootMountNamespace'
  /** There is no process 1 to send to. */
  | 'NoInitProcess'
  /** destroy while tasks live. */
  | 'TasksRunning'
  /** unpause or saveTo without a pause, or before every task has stopped. */
  | 'NotPaused'
  /** Something cannot be saved; the message names it. */
  | 'CannotSave'
  /** A saved kernel cannot go on here; the message says what stands in the way. */
  | 'CannotLoad'
  /** A file is no saved kernel, or was altered or truncated. */
  | 'BrokenImage'
  /** The last pause was ended before every task had stopped. */
  | 'PauseEnded'
  /** The message says which, and why. */
  | 'InvalidArgument';

/** Failures travel as plain records. */
export interface OperationError {
  readonly type: 'error';
  /** Absent: the errno says it all. */
  readonly code?: KernelErrorCode;
  readonly errno: number;
  readonly message: string;
  /** Of createProcess. */
  readonly obstacle?: StartObstacle;
}

export type OperationResult<T> = { readonly type: 'ok'; readonly value: T } | OperationError;

export function ok<T>(value: T): OperationResult<T> {
  return { type: 'ok', value };
}

export function refused(code: KernelErrorCode, errno: number, message: string): OperationError {
  return { type: 'error', code, errno, message };
}

/** What an error of the embedder leaves of itself: the first one is kept. */
export interface ExitError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

export interface KernelOperations {
  /** Settles what the kernel is. Once; AlreadyInitialized again. InvalidArgument for a CPU that this is not. */
  init(settings: InitSettings): Promise<OperationResult<void>>;
  /** What processes to come have as their files; InvalidArgument when it cannot be had. */
  setRootMountNamespace(root: RootSettings): Promise<OperationResult<void>>;
  rootMountNamespace(): Promise<RootSettings | undefined>;
  /**
   * Makes a process without a parent. It runs when the kernel has started and the pool runs its task.
   * The first one before start becomes process 1.
   */
  createProcess(spec: ProcessSpec): Promise<OperationResult<CreatedProcess>>;
  /** Lets all processes run. Once; NoTasks without one, AlreadyStarted again. */
  start(): Promise<OperationResult<void>>;
  /** Does not wait its turn: what is sent to one process must reach it whatever else is going on. */
  signal(pid: number, signo: number): Promise<OperationResult<void>>;
  /**
   * To process 1 when there is no target (NoInitProcess without it); else to those who are named, wherever
   * they are (ESRCH without any). `context` says in the log where it came from.
   */
  sendExternalSignal(
    target: SignalTarget | undefined,
    info: ExternalSignal,
    context: string,
  ): Promise<OperationResult<void>>;
  /** Tells a process's terminal of its window's size. Does not wait its turn. */
  resize(pid: number, columns: number, rows: number): Promise<void>;
  /** Ends every task with this exit status, paused or not. Does not wait for the tasks to end. */
  kill(status: number): Promise<void>;
  /**
   * Stops every task, also those made meanwhile; resolves when all have stopped. Pauses nest. It leaves
   * the queue before it waits. Fails with PauseEnded when `unpause` came first.
   */
  pause(): Promise<OperationResult<void>>;
  /** Ends one pause; NotPaused without one. */
  unpause(): Promise<OperationResult<void>>;
  /** Writes the kernel, which must be paused, into a new file; it can go on afterwards. */
  saveTo(path: string, options: SaveOptions): Promise<OperationResult<void>>;
  /** Takes a saved kernel over, paused. Only a kernel that has nothing yet can. */
  load(request: LoadRequest): Promise<OperationResult<readonly CreatedProcess[]>>;
  /** Events begin to flow, past the Kernel actor, before any operation that is asked for later. */
  observe(observer: ObserverSpec): Promise<void>;
  unobserve(id: number): Promise<void>;
  /** Loads a module of hooks into every shard; the result is what to call it by. */
  intercept(url: string): Promise<OperationResult<number>>;
  stopIntercepting(id: number): Promise<void>;
  /** Stops guests' time: clocks, timers, the CPU clock. Idempotent. */
  pauseTime(): Promise<void>;
  /** Monotonic time goes on from where it stood, the wall clock is at the present. Without a pause: nothing. */
  resumeTime(): Promise<void>;
  /** The guests' wall clock, in nanoseconds since the epoch. */
  realtimeClock(): Promise<bigint>;
  /** Their monotonic clock, in nanoseconds since the kernel began. */
  monotonicClock(): Promise<bigint>;
  /** Ticks of 10 ms in which some guest ran. */
  cpuClockNow(): Promise<number>;
  /** Resolves when no task lives. Does not wait its turn, as what follows. */
  waitExited(): Promise<void>;
  globalInit(): Promise<InitSnapshot | undefined>;
  settings(): Promise<OperationResult<InitSettings>>;
  uniqueId(): Promise<bigint>;
  generateInotifyCookie(): Promise<number>;
  allocateNetlinkPort(protocol: number, hint: number): Promise<OperationResult<number>>;
  releaseNetlinkPort(protocol: number, port: number): Promise<void>;
  taskSet(): Promise<OperationResult<readonly TaskSnapshot[]>>;
  syslog(): Promise<OperationResult<readonly SyslogEntry[]>>;
  /** This and the two that follow: of the shard that the Kernel actor lives on. */
  utsNamespace(): Promise<OperationResult<UtsSnapshot>>;
  mounts(): Promise<OperationResult<readonly MountSnapshot[]>>;
  supervisorContext(): Promise<OperationResult<SupervisorSnapshot>>;
  /** Takes its turn. The first error stays. */
  setExitError(error: ExitError): Promise<void>;
  /** Takes its turn. */
  exitError(): Promise<ExitError | undefined>;
  /** Frees everything; TasksRunning while a task lives. Idempotent. */
  destroy(): Promise<OperationResult<void>>;
}

export interface SaveOptions {
  /** Whether memory is compressed too: smaller, and slower. */
  readonly compress: boolean;
  /** Where it is said how far it is (actors/save/progress-words.ts). */
  readonly progress?: SharedArrayBuffer | undefined;
}

/** How far saving or loading is. */
export interface SaveProgress {
  readonly phase: 'files' | 'state' | 'memory';
  /** Bytes of this phase. */
  readonly done: number;
  /** 0 where it is not known beforehand. */
  readonly total: number;
}

/** What a saved kernel is: the first thing in its file. */
export interface ImageDescription {
  readonly config: KernelConfig;
  readonly kernel: SavedActor;
}

/** What of a kernel the Kernel actor keeps. Plain enough for JSON. */
export interface SavedActor {
  readonly stage: 'made' | 'initialized' | 'started' | 'closed';
  readonly settings: InitSettings | undefined;
  readonly root: RootSettings | undefined;
  readonly globalInit: { readonly pid: number; exitStatus: number | undefined } | undefined;
  readonly exitError: ExitError | undefined;
  /** 64 bits, in decimal. */
  readonly counters: { readonly lastUniqueId: string; readonly lastInotifyCookie: number };
}

/** How a kernel is configured, as its workers get it: plain, checked, with every default filled in. */
export interface KernelConfig {
  /** `whole`: started from the beginning (Kernel.boot). `steps`: by init, createProcess, start (Kernel.create). */
  readonly made: 'whole' | 'steps';
  /** Of a kernel that is made whole. */
  readonly root: RootSettings | undefined;
  readonly hostname: string;
  readonly cores: number;
  readonly shards: number;
  readonly placement: PlacementPolicy;
  readonly memoryBytes: number;
  readonly maxTasks: number;
  readonly time: 'real' | 'virtual';
  /** CLOCK_MONOTONIC of the host when the kernel began: the zero of its own. */
  readonly began: Timespec;
  /** strace's -e trace=; undefined: no strace. */
  readonly strace: { readonly filter: string | undefined } | undefined;
  /** Rules of injection, strace's -e inject=. */
  readonly inject: readonly string[];
  readonly injectSeed: number;
  readonly logLevel: string;
}

/** What the Kernel actor gets to begin with. */
export interface KernelPorts {
  /** Comlink's end of the operations. */
  readonly operations: MessagePort;
  /** What the other shards have to say. */
  readonly news: readonly MessagePort[];
}

type MessagePort = import('node:worker_threads').MessagePort;
