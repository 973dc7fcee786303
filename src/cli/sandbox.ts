/** The commands that concern a running sandbox, by its name: `troupe ps`, `exec`, `pause`, `save` and others. */
import type { Sandbox, SandboxInfo } from '../index.js';
import { describeOptions, parseArgs, UsageError } from './args.js';
import { spawnFailure, statusOf } from './exit-status.js';
import { openTerminal } from './open-terminal.js';
import { complain } from './output.js';
import { shown } from './progress.js';
import {
  newSandboxRequest,
  SANDBOX_OPTIONS,
  type SandboxCommand,
  type SandboxRequest,
} from './sandbox-options.js';
import { table } from './table.js';
import { parseSignal } from './values.js';

const USAGE: Readonly<Record<SandboxCommand, string>> = {
  ps: `ps [--json] [NAME]

Lists the sandboxes of this user that run with a --name, or the tasks of one.`,
  exec: `exec [options] NAME [--] COMMAND [ARG…]

Runs one more program in a sandbox, with this command's standard streams, or with -t a
terminal of its own. Exits as it does.`,
  pause: `pause NAME

Freezes a sandbox; returns when everything in it has stopped. Each pause wants a resume.`,
  resume: `resume NAME

Undoes one pause.`,
  signal: `signal NAME SIGNAL [PID]

Sends a signal to the command of a sandbox, or to the process PID in it.`,
  kill: `kill [--status N] NAME

Ends everything in a sandbox, paused or not; does not wait.`,
  save: `save [options] NAME FILE

Writes a sandbox into a file, from which troupe restore lets it go on, and lets it go on here too.`,
  events: `events [options] NAME

Prints what happens in a sandbox as lines of JSON, until it ends.`,
  wait: `wait NAME

Waits for the end of a sandbox, and exits as its command did.`,
  rm: `rm [--force] NAME

Forgets a sandbox that has died. One that runs is an error, unless with --force.`,
};

/** Operands: how many there are at least and at most. */
const OPERANDS: Readonly<Record<SandboxCommand, readonly [number, number]>> = {
  ps: [0, 1],
  exec: [2, Number.POSITIVE_INFINITY],
  pause: [1, 1],
  resume: [1, 1],
  signal: [2, 3],
  kill: [1, 1],
  save: [2, 2],
  events: [1, 1],
  wait: [1, 1],
  rm: [1, 1],
};

export async function sandbox(command: SandboxCommand, args: readonly string[]): Promise<number> {
  const request = newSandboxRequest();
  const options = SANDBOX_OPTIONS[command];
  const operands = parseArgs(args, options, request);
  if (request.help) {
    console.log(`Usage: troupe ${USAGE[command]}\n\nOptions:\n${describeOptions(options)}`);
    return 0;
  }
  const [least, most] = OPERANDS[command];
  if (operands.length < least || operands.length > most) {
    throw new UsageError(`usage: troupe ${USAGE[command].split('\n')[0]}`);
  }
  return await perform(command, operands, request);
}

async function perform(
  command: SandboxCommand,
  [name = '', ...rest]: readonly string[],
  request: SandboxRequest,
): Promise<number> {
  const { Sandbox } = await import('../index.js');
  if (command === 'ps') return name === '' ? await list(request) : await tasks(name, request);
  const target = new Sandbox(name);
  switch (command) {
    case 'pause':
      await target.pause();
      return 0;
    case 'resume':
      await target.resume();
      return 0;
    case 'kill':
      await target.kill(request.status);
      return 0;
    case 'signal': {
      const [signal = '', pid] = rest;
      if (pid !== undefined && !/^[1-9]\d{0,6}$/.test(pid)) throw new UsageError(`${pid}: no process number`);
      await target.signal(parseSignal(signal), pid === undefined ? undefined : Number(pid));
      return 0;
    }
    case 'save':
      await shown('saving', (onProgress) => target.save(rest[0] ?? '', { ...request.save, onProgress }));
      return 0;
    case 'events':
      return await events(target, request);
    case 'wait':
      return statusOf(await target.wait());
    case 'rm':
      return await remove(name, request);
    case 'exec':
      return await exec(name, rest[0] === '--' ? rest.slice(1) : rest, request);
  }
}

async function list({ json }: SandboxRequest): Promise<number> {
  const { Sandbox } = await import('../index.js');
  const found = await Sandbox.list();
  if (json) {
    console.log(JSON.stringify(found, undefined, 2));
    return 0;
  }
  const rows = found.map((s) => [
    s.name,
    String(s.pid),
    stateOf(s),
    String(s.tasks),
    new Date(s.startedAt).toISOString(),
    s.command.join(' '),
  ]);
  console.log(table([['NAME', 'PID', 'STATE', 'TASKS', 'STARTED', 'COMMAND'], ...rows]));
  return 0;
}

function stateOf({ pauses }: SandboxInfo): string {
  if (pauses === 0) return 'running';
  return pauses === 1 ? 'paused' : `paused ×${pauses}`;
}

async function tasks(name: string, { json }: SandboxRequest): Promise<number> {
  const { Sandbox } = await import('../index.js');
  const found = await new Sandbox(name).tasks();
  if (json) {
    console.log(JSON.stringify(found, undefined, 2));
    return 0;
  }
  const rows = found.map((t) => [...[t.tid, t.pid, t.parentPid, t.pgid, t.sid].map(String), t.state, t.comm]);
  console.log(table([['TID', 'PID', 'PPID', 'PGID', 'SID', 'STATE', 'COMMAND'], ...rows]));
  return 0;
}

/** Its socket goes with it; that of a dead one goes when somebody looks. */
async function remove(name: string, { force, status }: SandboxRequest): Promise<number> {
  const { ControlError, removeDead, Sandbox } = await import('../index.js');
  if (await removeDead(name)) return 0;
  const target = new Sandbox(name);
  if (!force) {
    await target.info();
    throw new UsageError(`the sandbox ${name} runs; end it first, or write troupe rm --force ${name}`);
  }
  const ended = target.wait();
  ended.catch(() => {});
  await target.kill(status);
  try {
    await ended;
  } catch (e) {
    // Gone without a word is gone.
    if (!(e instanceof ControlError)) throw e;
  }
  return 0;
}

/** Each at once: who reads them looks on. Whoever reads no more, as `head` does, ends it. */
async function events(target: Sandbox, { filter }: SandboxRequest): Promise<number> {
  const { EventFile } = await import('./event-file.js');
  const file = new EventFile('events', '-');
  await target.follow(filter, (event) => {
    file.write(`${JSON.stringify(event)}\n`);
    file.flush();
    return !file.broken;
  });
  return 0;
}

async function exec(
  name: string,
  [command = '', ...args]: readonly string[],
  request: SandboxRequest,
): Promise<number> {
  const { Sandbox, defaultEnv } = await import('../index.js');
  const { cwd, user } = request.spawn;
  const terminal = request.terminal ? await openTerminal() : undefined;
  const env = { ...defaultEnv(), ...request.env };
  const wanted = { command, args, env, cwd, user, terminal: terminal?.size };
  const running = await new Sandbox(name).exec(wanted, (stream, data) => void process[stream].write(data));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) {
    process.on(signal, () => running.signal(parseSignal(signal)));
  }
  try {
    if (terminal) {
      await running.started;
      terminal.join({ ...running, stdout: null });
    } else process.stdin.pipe(running.stdin);
    return statusOf(await running.completed);
  } catch (e) {
    if (!(e instanceof Error && 'obstacle' in e && 'code' in e)) throw e;
    const { status, line } = spawnFailure(e as Parameters<typeof spawnFailure>[0], command);
    complain(line);
    return status;
  } finally {
    terminal?.detach();
    process.stdin.pause();
  }
}
