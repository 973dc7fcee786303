/**
 * `troupe run`: the command line in the words of the API, one process, its exit status. Signals that
 * ask troupe to end are the guest's to handle.
 */
import { pathToFileURL } from 'node:url';
import type { CallersTerminal, ControlServer, Kernel, Process, ProcessExit } from '../index.js';
import type { SpawnOptions } from '../options.js';
import { describeOptions, parseArgs, UsageError } from './args.js';
import { spawnFailure, statusOf } from './exit-status.js';
import { complain } from './output.js';
import { newRunRequest, RUN_OPTIONS, type RunRequest } from './run-options.js';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

const USAGE = `Usage: troupe run [options] [--] COMMAND [ARG…]

Runs COMMAND, looked up in PATH, in a sandbox. It sees the host's files, read only; what it writes
stays in memory and goes when it ends.

Options:
${describeOptions(RUN_OPTIONS)}

Exit status: the command's own; 128+N when signal N ended it; 124 timed out; 125 troupe itself
failed; 126 the command is not executable; 127 it was not found.`;

export async function run(args: readonly string[]): Promise<number> {
  const request = newRunRequest();
  const [command, ...rest] = parseArgs(args, RUN_OPTIONS, request);
  if (request.help) {
    console.log(USAGE);
    return 0;
  }
  if (command === undefined || command === '') {
    throw new UsageError('no command given; write troupe run -- COMMAND, or see troupe run --help');
  }
  return await runCommand(request, command, rest);
}

async function runCommand(request: RunRequest, command: string, args: string[]): Promise<number> {
  const troupe = await import('../index.js');
  const { SpawnError, defaultEnv } = troupe;
  if (request.terminal && !troupe.CallersTerminal.isThere) {
    throw new UsageError('-t: standard input is not a terminal; leave -t out, or run troupe in one');
  }
  const terminal = request.terminal ? await troupe.CallersTerminal.open() : undefined;
  const records = await recordsOf(request);
  const kernel = await troupe.Kernel.boot({
    // A shard more makes every start later; who has work for several says so.
    placement: 'pack',
    ...request.kernel,
    binds: request.binds,
    tmpfs: request.tmpfs,
    inject: request.inject,
  });
  try {
    for (const record of records) record(kernel);
    for (const path of request.intercept) await kernel.intercept(pathToFileURL(path));
    const options: SpawnOptions = {
      ...request.spawn,
      env: { ...defaultEnv(), ...request.env },
      ...(terminal ? { stdio: 'pty', windowSize: terminal.size } : { stdio: 'inherit' }),
    };
    const { name } = request;
    const control: OpenControl = async (main) =>
      name === undefined
        ? undefined
        : await troupe.ControlServer.open({ name, kernel, main, command: [command, ...args] });
    const start = (more: SpawnOptions = {}): Promise<number> =>
      complete(kernel.spawn(command, args, { ...options, ...more }), terminal, control);
    return await start().catch((e: unknown) => {
      const chosen = request.spawn.cwd !== undefined;
      if (chosen || !(e instanceof SpawnError) || e.obstacle !== 'cwd') throw e;
      complain(`${e.message}; starting in / (--cwd chooses another, --bind shows yours)`);
      return start({ cwd: '/' });
    });
  } catch (e) {
    if (!(e instanceof SpawnError)) throw e;
    const { status, line } = spawnFailure(e, command);
    complain(line);
    return status;
  } finally {
    await stopSoon(kernel);
  }
}

/** Whoever wants no record does not load what writes one. */
async function recordsOf({ record }: RunRequest): Promise<((kernel: Kernel) => void)[]> {
  if (record.events === undefined && record.trace === undefined) return [];
  return (await import('./record.js')).openRecords(record);
}

/** Makes a named sandbox known to `troupe ps` and its like. */
type OpenControl = (main: Process) => Promise<ControlServer | undefined>;

async function complete(
  guest: Process,
  terminal: CallersTerminal | undefined,
  openControl: OpenControl,
): Promise<number> {
  // Failures come by `completed`; an 'error' event that nobody hears would be thrown as well.
  guest.on('error', () => {});
  terminal?.attach(guest);
  const control = await openControl(guest);
  const shown = terminal ? new Promise((resolve) => guest.once('close', resolve)) : undefined;
  const stopForwarding = forwardSignals(guest);
  let end: ProcessExit | undefined;
  try {
    end = await guest.completed;
    await shown;
    return statusOf(end);
  } finally {
    await control?.close(end);
    stopForwarding();
    terminal?.detach();
  }
}

function forwardSignals(guest: Process): () => void {
  const forward = (signal: NodeJS.Signals): void => {
    guest.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  return () => {
    for (const signal of FORWARDED) process.off(signal, forward);
  };
}

const STOP_MS = 5_000;

/** The status is known: a sandbox that hangs must not keep it from the caller. */
async function stopSoon(kernel: Kernel): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      complain('the sandbox did not end in time; leaving it');
      resolve();
    }, STOP_MS);
  });
  try {
    await Promise.race([kernel.stop(), late]);
  } finally {
    clearTimeout(timer);
  }
}
