/**
 * `troupe` ↔ a running sandbox: lines of JSON over a Unix socket, one request a connection. The socket
 * is in a directory of its user alone; what comes is checked all the same.
 */
import type { EventType, KernelEvent } from './events.js';
import type { SaveProgress } from './kernel.js';
import type { TaskSnapshot } from './snapshots.js';

export type ControlRequest =
  | { readonly type: 'info' }
  | { readonly type: 'tasks' }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'kill'; readonly status: number }
  /** To the sandbox's own command when no process is named. */
  | { readonly type: 'signal'; readonly signo: number; readonly pid?: number | undefined }
  /** Answered by `exit` when the sandbox ends. */
  | { readonly type: 'wait' }
  /**
   * Pauses, writes the kernel into a file, and lets it go on, or ends it. The path is absolute. With `progress`
   * answered by `progress` now and then, before `done`.
   */
  | {
      readonly type: 'save';
      readonly path: string;
      readonly compress: boolean;
      readonly stop: boolean;
      readonly progress: boolean;
    }
  /** Answered by `event` until the sandbox ends or the caller goes, then `done`. */
  | { readonly type: 'events'; readonly filter: ControlFilter }
  /** `started` or `error`, then output, then `exit`. The caller sends ExecInput meanwhile. */
  | {
      readonly type: 'exec';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd?: string | undefined;
      readonly user?: { readonly uid: number; readonly gid: number } | undefined;
      /** It gets a terminal of its own, of this size: what appears on it comes as `stdout`. */
      readonly terminal?: ControlWindow | undefined;
    };

export interface ControlWindow {
  readonly columns: number;
  readonly rows: number;
}

/** Of events; what is absent excludes nothing. */
export interface ControlFilter {
  readonly types?: readonly EventType[] | undefined;
  readonly pids?: readonly number[] | undefined;
  readonly syscalls?: string | readonly string[] | undefined;
  readonly paths?: readonly string[] | undefined;
  readonly lossless?: boolean | undefined;
}

/** Data is base64. */
export type ExecInput =
  | { readonly type: 'stdin'; readonly data: string }
  | { readonly type: 'stdinEnd' }
  /** The window that its terminal is shown in has this size now. */
  | { readonly type: 'resize'; readonly columns: number; readonly rows: number }
  | { readonly type: 'signal'; readonly signo: number };

export interface SandboxInfo {
  readonly name: string;
  /** Of the host's process. */
  readonly pid: number;
  readonly command: readonly string[];
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** How many pauses hold. */
  readonly pauses: number;
  readonly tasks: number;
}

export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
}

export type ControlAnswer =
  | { readonly type: 'done' }
  | { readonly type: 'info'; readonly info: SandboxInfo }
  | { readonly type: 'tasks'; readonly tasks: readonly TaskSnapshot[] }
  | { readonly type: 'started'; readonly pid: number }
  | { readonly type: 'stdout' | 'stderr'; readonly data: string }
  | { readonly type: 'event'; readonly event: KernelEvent }
  | { readonly type: 'progress'; readonly progress: SaveProgress }
  | { readonly type: 'exit'; readonly end: ProcessEnd }
  | {
      readonly type: 'error';
      readonly code: string;
      readonly message: string;
      /** Of exec: what stood in its way. */
      readonly obstacle?: 'command' | 'cwd' | 'sandbox' | undefined;
    };
