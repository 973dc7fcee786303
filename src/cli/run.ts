/**
 * `troupe run`: the command line in the words of the API, one process, its exit status. Signals that
 * ask troupe to end are the guest's to handle.
 */
import { pathToFileURL } from 'node:url';
import type { ControlServer, Kernel } from '../index.js';
import type { SpawnOptions } from '../options.js';
import { describeOptions, parseArgs, UsageError } from './args.js';
import { complete, type MadeReady, stopSoon } from './complete.js';
import { spawnFailure } from './exit-status.js';
import { mayEndAtOnce } from './leave.js';
import { openTerminal } from './open-terminal.js';
import { complain } from './output.js';
import { newRunRequest, RUN_OPTIONS, type RunRequest } from './run-options.js';

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
  const atOnce = mayEndAtOnce();
  const troupe = await import('../index.js');
  const { SpawnError, defaultEnv } = troupe;
  const terminal = request.terminal ? await openTerminal() : undefined;
  const records = await recordsOf(request);
  const kernel = await troupe.Kernel.boot({
    ...request.kernel,
    binds: request.binds,
    tmpfs: request.tmpfs,
    inject: request.inject,
  });
  let control: ControlServer | undefined;
  try {
    const { name } = request;
    for (const record of records) record(kernel);
    for (const path of request.intercept) await kernel.intercept(pathToFileURL(path));
    const options: SpawnOptions = {
      ...request.spawn,
      env: { ...defaultEnv(), ...request.env },
      ...(terminal ? { stdio: 'pty', windowSize: terminal.size } : { stdio: 'inherit' }),
      exec: name === undefined && request.spawn.timeout === undefined && records.length === 0 && atOnce,
    };
    const ready: MadeReady = async (main) => {
      if (name === undefined) return undefined;
      control = await troupe.ControlServer.open({ name, kernel, main, command: [command, ...args] });
      return control;
    };
    const start = (more: SpawnOptions = {}): Promise<number> =>
      complete(kernel.spawn(command, args, { ...options, ...more }), terminal, ready);
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
    await control?.farewell();
  }
}

/** Whoever wants no record does not load what writes one. */
async function recordsOf({ record }: RunRequest): Promise<((kernel: Kernel) => void)[]> {
  if (record.events === undefined && record.trace === undefined) return [];
  return (await import('./record.js')).openRecords(record);
}
