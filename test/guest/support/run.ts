/**
 * Runs a command, natively or under troupe, with a deadline after which its whole process group is
 * killed, and watches that nothing it started outlives it.
 */
import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescendantWatch } from './descendants.js';

export interface RunOptions {
  /** Standard input: a file, since what node calls a pipe is a socket, which a guest can see. */
  readonly input?: string | Buffer;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly timeoutMs?: number;
  /** Called once the command runs, with the process id. */
  readonly started?: (pid: number) => void;
}

export interface RunResult {
  /** As a shell has it: 128 and the signal's number when a signal ended it. */
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** Descendants that outlived the command, as "pid name". */
  readonly leftovers: readonly string[];
}

const PACKAGE = join(import.meta.dirname ?? join(process.cwd(), 'test/guest/support'), '../../..');
export const CLI = join(PACKAGE, 'dist', 'cli', 'main.js');
export const INDEX = join(PACKAGE, 'dist', 'index.js');

/** What takes a second alone may take many on a machine that is busy. */
const TIMEOUT_MS = 60_000;

const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGSYS: 31,
};

export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const input = options.input === undefined ? undefined : openedFile(options.input);
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? plainEnvironment(),
    uid: options.uid,
    gid: options.uid,
    detached: true,
    stdio: [input ?? 'ignore', 'pipe', 'pipe'],
  });
  if (input !== undefined) closeSync(input);
  const { pid, stdout, stderr } = child;
  if (pid === undefined || !stdout || !stderr) throw new Error(`${command} cannot be started natively`);
  options.started?.(pid);
  const watch = new DescendantWatch(pid);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  stdout.on('data', (chunk: Buffer) => out.push(chunk));
  stderr.on('data', (chunk: Buffer) => err.push(chunk));

  let timedOut = false;
  const deadline = setTimeout(() => {
    timedOut = true;
    killGroup(pid);
  }, options.timeoutMs ?? TIMEOUT_MS);
  try {
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve([code, signal]));
    });
    return {
      status: code ?? 128 + (SIGNALS[signal ?? ''] ?? 0),
      stdout: Buffer.concat(out),
      stderr: Buffer.concat(err).toString(),
      timedOut,
      leftovers: await watch.leftovers(),
    };
  } finally {
    clearTimeout(deadline);
    watch.stop();
    killGroup(pid);
  }
}

let files = 0;

/** A descriptor of a nameless file with this content. */
function openedFile(content: string | Buffer): number {
  const path = join(tmpdir(), `troupe-input-${process.pid}-${files++}`);
  writeFileSync(path, content);
  const fd = openSync(path, 'r');
  rmSync(path);
  return fd;
}

/** `troupe run`, with options of its own before the command. */
export function troupe(
  options: readonly string[],
  command: readonly string[],
  runOptions: RunOptions = {},
): Promise<RunResult> {
  return run(process.execPath, [CLI, 'run', ...placementOptions(), ...options, '--', ...command], runOptions);
}

/** The same few variables natively as troupe passes on, in its order, and one locale. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: process.env['HOME'] ?? '/',
    TERM: 'dumb',
    LANG: 'C.UTF-8',
  };
}

/** Where a program is on this host, or undefined. */
export function which(name: string): string | undefined {
  if (name.includes('/')) return existsSync(name) ? name : undefined;
  for (const folder of (plainEnvironment()['PATH'] ?? '').split(':')) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there: the next folder.
    }
  }
  return undefined;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is gone: that is what was wanted.
  }
}

/**
 * TROUPE_TEST_PLACEMENT and TROUPE_TEST_CORES: where the guests of the whole suite run, like
 * `TROUPE_TEST_PLACEMENT=spread TROUPE_TEST_CORES=4 npm run -s jest -- --selectProjects=guest`.
 */
function placementOptions(): string[] {
  const { TROUPE_TEST_PLACEMENT: placement, TROUPE_TEST_CORES: cores } = process.env;
  return [
    ...(placement ? ['--placement', placement] : []),
    // What guests see is what the host has unless a test says otherwise: natively they see the same.
    ...(cores ? ['--cores', cores] : []),
  ];
}
