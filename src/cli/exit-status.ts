/**
 * The exit status of `troupe run`: the guest's own, or, as env(1), timeout(1) and shells have it, one
 * of these.
 */
import { constants } from 'node:os';

export const STATUS = {
  TIMED_OUT: 124,
  TROUPE_FAILED: 125,
  NOT_EXECUTABLE: 126,
  NOT_FOUND: 127,
} as const;

export interface Completion {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
}

export function statusOf(completion: Completion): number {
  if (completion.timedOut) return STATUS.TIMED_OUT;
  if (completion.signal !== null) return 128 + signalNumber(completion.signal);
  return completion.exitCode ?? STATUS.TROUPE_FAILED;
}

/** `SIGRTMIN+3` and plain numbers are names too: realtime signals have no other. */
function signalNumber(name: string): number {
  const known = (constants.signals as Readonly<Record<string, number | undefined>>)[name];
  if (known !== undefined) return known;
  const realtime = /^SIGRTMIN(?:\+(\d+))?$/.exec(name);
  if (realtime) return 34 + Number(realtime[1] ?? 0);
  return Number(/\d+$/.exec(name)?.[0] ?? 0);
}

/** What a SpawnError says. */
export interface StartFailure {
  readonly code: string;
  readonly obstacle: 'command' | 'cwd' | 'sandbox';
  readonly message: string;
}

/** Why a command could not be started: its status, and what the user can do. */
export function spawnFailure(failure: StartFailure, command: string): { status: number; line: string } {
  const { code, obstacle, message } = failure;
  if (obstacle === 'cwd')
    return { status: STATUS.TROUPE_FAILED, line: `${message}; choose another with --cwd` };
  if (obstacle === 'sandbox') {
    const advice =
      code === 'ECLOSED' ? 'troupe doctor checks this host' : 'check --rootfs, --bind and --tmpfs';
    return { status: STATUS.TROUPE_FAILED, line: `${message}; ${advice}` };
  }
  const status = code === 'ENOENT' ? STATUS.NOT_FOUND : STATUS.NOT_EXECUTABLE;
  return { status, line: `${command}: ${advise(code, command)}` };
}

function advise(code: string, command: string): string {
  switch (code) {
    case 'ENOENT':
      return command.includes('/')
        ? 'no such file in the sandbox, or the interpreter that it names is missing; check the path, or show it with --bind'
        : 'not found in the PATH of the sandbox; give a path, or set PATH with --env';
    case 'EACCES':
      return 'permission denied; it must be a regular file that the user may read and execute (chmod +x, or --user)';
    case 'ENOEXEC':
      return 'not a program for x86-64 Linux; a script needs a first line like #!/bin/sh';
    case 'ELIBBAD':
      return 'its interpreter is not a program for x86-64 Linux; install the package that it comes from again';
    case 'E2BIG':
      return 'the arguments and environment are too long; pass them in a file or by stdin';
    case 'ENOTDIR':
      return 'a part of the path is not a directory; check the path';
    case 'EISDIR':
      return 'is a directory; give the program inside it';
    case 'ELOOP':
      return 'too many symbolic links; check the path';
    case 'ENOMEM':
      return 'not enough memory to load it; raise --memory';
    case 'EAGAIN':
      return 'too many processes; raise --pids';
    default:
      return 'cannot be executed; --strace shows more';
  }
}
