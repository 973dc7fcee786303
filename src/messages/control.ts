/**
 * `troupe` ↔ a running sandbox: lines of JSON over a Unix socket, one request a connection. The socket
 * is in a directory of its user alone; what comes is checked all the same.
 */
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
  /** `started` or `error`, then output, then `exit`. The caller sends ExecInput meanwhile. */
  | {
      readonly type: 'exec';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd?: string | undefined;
      readonly user?: { readonly uid: number; readonly gid: number } | undefined;
    };

/** Data is base64. */
export type ExecInput =
  | { readonly type: 'stdin'; readonly data: string }
  | { readonly type: 'stdinEnd' }
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
  | { readonly type: 'exit'; readonly end: ProcessEnd }
  | {
      readonly type: 'error';
      readonly code: string;
      readonly message: string;
      /** Of exec: what stood in its way. */
      readonly obstacle?: 'command' | 'cwd' | 'sandbox' | undefined;
    };
