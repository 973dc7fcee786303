/**
 * KernelActor ↔ shard. Commands go down in order, answers and news come up: by plain calls on the shard
 * that hosts the actor, by a ring and a port on the others.
 */
import type { MissingKind } from '../base/missing.js';
import type { ObserverSpec } from './events.js';
import type { ImageDescription, KernelErrorCode, SavedActor } from './kernel.js';
import type { InitSettings, RootSettings, UtsSettings } from './lifecycle.js';
import type { ShardQueries, ShardQuery } from './snapshots.js';

/** Where a guest's descriptor n comes from. */
export type StdioSource =
  /** A descriptor of this host process, shared by all its threads. */
  | { readonly type: 'host'; readonly fd: number }
  /** A pipe to the embedder, which gets the other end. */
  | { readonly type: 'pipe' }
  | { readonly type: 'null' }
  /** A terminal of its own; the embedder types and watches by pipes. One for all entries of this type. */
  | { readonly type: 'pty'; readonly columns: number; readonly rows: number };

/** What createProcess needs to know. Strings are byte strings. */
export interface ProcessSpec {
  readonly command: string;
  /** A command without a `/` is looked up in PATH of `envp`; else it is a path whatever it looks like. */
  readonly searchPath: boolean;
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly stdio: readonly StdioSource[];
  readonly umask?: number;
  /** By number of the resource (getrlimit(2)); the others are Linux's defaults. */
  readonly limits?: ReadonlyMap<number, { readonly soft: bigint; readonly hard: bigint }>;
  /** Symbolic links that the paths of the program and the working directory may go through. */
  readonly maxSymlinkTraversals?: number;
  /** Names of its own; absent: those of the kernel. */
  readonly utsNamespace?: UtsSettings;
  /** The host process ends with it. */
  readonly exec?: boolean;
}

/** Whom a signal from outside is for. */
export type SignalTarget =
  | { readonly type: 'threadGroup'; readonly pid: number }
  | { readonly type: 'processGroup'; readonly pgid: number };

/** What a signal from outside says. It comes from nobody in the sandbox: si_pid and si_uid are 0. */
export interface ExternalSignal {
  /** 0: only asks whether there is somebody. */
  readonly signo: number;
  /** si_code; absent: SI_USER, as kill(2). */
  readonly code?: number;
  /** si_value. */
  readonly value?: bigint;
}

export type ShardCommand =
  | { readonly type: 'init'; readonly id: number; readonly settings: InitSettings }
  /** What later processes have as their files. */
  | { readonly type: 'setRoot'; readonly id: number; readonly root: RootSettings }
  | {
      readonly type: 'createProcess';
      readonly id: number;
      readonly spec: ProcessSpec;
      /** It becomes process 1. */
      readonly asInit: boolean;
    }
  /** Lets every process run that was created so far; later ones run when their Piscina task comes. */
  | { readonly type: 'start' }
  /** Process 1 has ended, on another shard: nobody outlives it. */
  | { readonly type: 'initExited' }
  | {
      readonly type: 'signal';
      readonly id: number;
      readonly target: SignalTarget;
      readonly info: ExternalSignal;
    }
  /** Answered when no task lives on the shard. */
  | { readonly type: 'whenEmpty'; readonly id: number }
  | {
      readonly type: 'allocateNetlinkPort';
      readonly id: number;
      readonly protocol: number;
      readonly hint: number;
    }
  | { readonly type: 'releaseNetlinkPort'; readonly protocol: number; readonly port: number }
  | { readonly type: 'query'; readonly id: number; readonly query: ShardQuery }
  /** The window that the process's terminal is shown in has another size. */
  | { readonly type: 'resize'; readonly pid: number; readonly columns: number; readonly rows: number }
  /** Stops every task, also those to come; answered when all are at rest. Pauses nest. */
  | { readonly type: 'pause'; readonly id: number }
  /** Undoes one pause. One that had no answer yet gets none, when it was the last. */
  | { readonly type: 'unpause' }
  /** Writes the shard's part of a paused kernel down; answered `saved` or `failed`. */
  | { readonly type: 'save'; readonly id: number; readonly request: SaveRequest }
  /** Takes its part of a saved kernel over; answered `loaded` or `failed`. */
  | { readonly type: 'load'; readonly id: number; readonly request: LoadRequest }
  /** Every task exits as by exit_group with this status. */
  | { readonly type: 'kill'; readonly status: number }
  /** Guests' time stands still: clocks, timers, the CPU clock. Idempotent. */
  | { readonly type: 'pauseTime' }
  /** It goes on as if `lostNs` had not been. */
  | { readonly type: 'resumeTime'; readonly lostNs: number }
  | { readonly type: 'observe'; readonly observer: ObserverSpec }
  | { readonly type: 'unobserve'; readonly id: number }
  /** Loads a module of hooks, to be known as `hooks`. */
  | { readonly type: 'intercept'; readonly id: number; readonly hooks: number; readonly url: string }
  | { readonly type: 'stopIntercepting'; readonly hooks: number }
  | { readonly type: 'shutdown' };

export interface SaveRequest {
  readonly path: string;
  readonly compress: boolean;
  readonly progress?: SharedArrayBuffer | undefined;
  readonly description: ImageDescription;
}

export interface LoadRequest {
  readonly path: string;
  readonly kernel: SavedActor;
  readonly progress?: SharedArrayBuffer | undefined;
  /** The streams that each process gets in place of those it was started with. */
  readonly stdio: readonly StdioSource[];
  readonly sleepers: 'keep' | 'elapse';
  /** Is dropped where it is missing; the rest is refused. */
  readonly dropMissing: readonly MissingKind[];
}

export interface LoadedProcess {
  readonly pid: number;
  /** The embedder's ends of the pipes asked for, by guest descriptor. */
  readonly pipes: readonly (number | null)[];
}

/** What stood in the way of a process: its program, its working directory, or the making of the sandbox. */
export type StartObstacle = 'command' | 'cwd' | 'sandbox';

/** To a command with an `id`. */
export type ShardAnswer =
  | {
      readonly type: 'created';
      readonly id: number;
      readonly pid: number;
      readonly pipes: readonly (number | null)[];
    }
  | {
      readonly type: 'failed';
      readonly id: number;
      readonly errno: number;
      readonly obstacle: StartObstacle;
      readonly message: string;
      /** Of save and load. */
      readonly code?: KernelErrorCode;
    }
  | { readonly type: 'saved'; readonly id: number }
  | { readonly type: 'loaded'; readonly id: number; readonly processes: readonly LoadedProcess[] }
  | { readonly type: 'signalled'; readonly id: number; readonly errno: number }
  | { readonly type: 'paused'; readonly id: number }
  | { readonly type: 'done'; readonly id: number }
  /** undefined: none is left. */
  | { readonly type: 'port'; readonly id: number; readonly port: number | undefined }
  | { readonly type: 'answer'; readonly id: number; readonly value: ShardQueries[ShardQuery] }
  /** `wrong`: why the module cannot be used. */
  | { readonly type: 'intercepting'; readonly id: number; readonly wrong: string | undefined }
  | { readonly type: 'paused'; readonly id: number };

export type ShardNews =
  | ShardAnswer
  | { readonly type: 'ready'; readonly shard: number }
  | { readonly type: 'exited'; readonly shard: number; readonly pid: number; readonly status: number }
  | { readonly type: 'broken'; readonly shard: number; readonly why: string };
