/** Commands that reach a running sandbox by its name: troupe ps, exec, pause, save, events and others. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CLI, plainEnvironment, type RunResult, run } from './support/run.js';

let folder: string;
const started: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-run-'));
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const environment = (): NodeJS.ProcessEnv => ({ ...plainEnvironment(), XDG_RUNTIME_DIR: folder });

function troupe(args: readonly string[], input = ''): Promise<RunResult> {
  return run(process.execPath, [CLI, ...args], { env: environment(), input });
}

function cli(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [CLI, ...args], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Starts a named sandbox and waits until it says `ready`. */
async function sandbox(name: string, script: string): Promise<{ child: ChildProcess; text: () => string }> {
  const child = cli(['run', '--name', name, '--', 'sh', '-c', `echo ready; ${script}`]);
  started.push(child);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const path = join(folder, 'troupe', `${name}.sock`);
  while (!text.includes('ready') || !existsSync(path)) await sleep(20);
  return { child, text: () => text };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', (code) => resolve(code)));

test('ps lists what runs, and the tasks of one', async () => {
  const { child } = await sandbox('one', 'sleep 100');
  const listed = await troupe(['ps']);
  expect(listed.stdout.toString()).toMatch(
    /^NAME +PID +STATE +TASKS +STARTED +COMMAND\none +\d+ +running +\d/,
  );
  const [info] = JSON.parse((await troupe(['ps', '--json'])).stdout.toString());
  expect(info).toMatchObject({ name: 'one', pid: child.pid, pauses: 0 });
  expect((await troupe(['ps', 'one'])).stdout.toString()).toMatch(/blocked +sleep\n/);
});

test('pause freezes, resume continues, and one resume too many is an error', async () => {
  const { text } = await sandbox('clock', 'while :; do echo tick; sleep 0.02; done');
  expect((await troupe(['pause', 'clock'])).status).toBe(0);
  await sleep(50);
  const before = text();
  await sleep(300);
  expect(text()).toBe(before);
  expect((await troupe(['ps'])).stdout.toString()).toContain('paused');
  expect((await troupe(['resume', 'clock'])).status).toBe(0);
  while (text() === before) await sleep(20);
  const again = await troupe(['resume', 'clock']);
  expect([again.status, again.stderr]).toEqual([125, 'troupe: the kernel is not paused\n']);
});

test('signal reaches the command, or a process that is named; wait exits as the command did', async () => {
  const { child } = await sandbox('trap', 'trap "exit 7" USR1; while :; do sleep 0.05; done');
  const waiting = troupe(['wait', 'trap']);
  const status = ended(child);
  await sleep(300);
  expect((await troupe(['signal', 'trap', 'USR2', '4000'])).stderr).toBe('troupe: no such process\n');
  expect((await troupe(['signal', 'trap', 'SIGUSR1'])).status).toBe(0);
  expect(await status).toBe(7);
  expect((await waiting).status).toBe(7);
  expect(existsSync(join(folder, 'troupe', 'trap.sock'))).toBe(false);
});

test('kill ends everything with the status that is asked for, also while it is paused', async () => {
  const { child } = await sandbox('doomed', 'sleep 100');
  const status = ended(child);
  await troupe(['pause', 'doomed']);
  expect((await troupe(['kill', '--status', '9', 'doomed'])).status).toBe(0);
  expect(await status).toBe(9);
});

describe('exec', () => {
  test("runs a program in the sandbox, with this command's streams and its status", async () => {
    await sandbox('box', 'echo inside >/tmp/file; sleep 100');
    const result = await troupe(
      [
        'exec',
        '--env',
        'A=b',
        '--cwd',
        '/usr',
        'box',
        '--',
        'sh',
        '-c',
        'cat /tmp/file; pwd; echo $A; tr a-z A-Z; echo err >&2; exit 3',
      ],
      'from here\n',
    );
    expect(result.stdout.toString()).toBe('inside\n/usr\nb\nFROM HERE\n');
    expect([result.stderr, result.status]).toEqual(['err\n', 3]);
  });

  test('passes on much data, and says what cannot be started', async () => {
    await sandbox('pipe', 'sleep 100');
    const much = 'x'.repeat(3_000_000);
    expect((await troupe(['exec', 'pipe', 'cat'], much)).stdout.length).toBe(much.length);
    const absent = await troupe(['exec', 'pipe', 'no-such-program']);
    expect([absent.status, absent.stderr.split(';')[0]]).toEqual([
      127,
      'troupe: no-such-program: not found in the PATH of the sandbox',
    ]);
  });

  test('its process goes when the caller does', async () => {
    await sandbox('left', 'sleep 100');
    const caller = spawn(process.execPath, [CLI, 'exec', 'left', 'sleep', '99'], {
      env: environment(),
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    started.push(caller);
    const sleepers = async (): Promise<number> =>
      JSON.parse((await troupe(['ps', '--json', 'left'])).stdout.toString()).filter(
        (t: { comm: string }) => t.comm === 'sleep',
      ).length;
    while ((await sleepers()) < 2) await sleep(50);
    caller.kill('SIGKILL');
    while ((await sleepers()) > 1) await sleep(50);
  });
});

describe('save', () => {
  const COUNT = 'i=0; while :; do echo "tick $i"; i=$((i+1)); sleep 0.02; done';
  const last = (text: string): number => Number(/tick (\d+)\n[^\n]*$/.exec(text)?.[1] ?? -1);

  test('writes a sandbox that goes on here, and from the file under another name', async () => {
    const { text } = await sandbox('saved', COUNT);
    while (last(text()) < 3) await sleep(20);
    const file = join(folder, 'kernel');
    const { status, stderr } = await troupe(['save', 'saved', file]);
    expect([status, stderr]).toEqual([0, '']);
    const then = last(text());
    while (last(text()) <= then) await sleep(20);
    expect((await troupe(['ps'])).stdout.toString()).toMatch(/\nsaved +\d+ +running/);
    const again = started[started.push(cli(['restore', '--name', 'again', file])) - 1];
    let more = '';
    again?.stdout?.on('data', (chunk: Buffer) => (more += chunk.toString()));
    while (last(more) < 0) await sleep(20);
    // Not from the beginning, and nothing left out.
    const first = Number(/^tick (\d+)\n/.exec(more)?.[1]);
    expect(first).toBeGreaterThan(3);
    expect(first).toBeLessThanOrEqual(then + 1);
    expect((await troupe(['ps'])).stdout.toString()).toMatch(/^again +\d+ +running .* sh$/m);
    expect((await troupe(['kill', '--status', '4', 'again'])).status).toBe(0);
    if (again) expect(again.exitCode ?? (await ended(again))).toBe(4);
  });

  test('with --stop ends it; what goes on from the file misses nothing and repeats nothing', async () => {
    const { child, text } = await sandbox('moved', COUNT);
    const status = ended(child);
    while (last(text()) < 3) await sleep(20);
    const file = join(folder, 'kernel');
    expect((await troupe(['save', '--compress', '--stop', 'moved', file])).status).toBe(0);
    expect(await status).toBe(137);
    const again = cli(['restore', file]);
    started.push(again);
    let more = '';
    again.stdout?.on('data', (chunk: Buffer) => (more += chunk.toString()));
    while (last(more) < last(text()) + 3) await sleep(20);
    const ticks = (text() + more).split('\n').filter((line) => line.startsWith('tick'));
    const whole = ticks.slice(0, last(more) + 1);
    expect(whole).toEqual(whole.map((_, i) => `tick ${i}`));
  });

  test('with what nobody has read of its input yet', async () => {
    const script = 'read line; echo "ready $line"; sleep 0.5; exec cat';
    const child = spawn(process.execPath, [CLI, 'run', '--name', 'fed', '--', 'sh', '-c', script], {
      env: environment(),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    started.push(child);
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.stdin?.write('one\ntwo\n');
    while (text === '') await sleep(20);
    while (!existsSync(join(folder, 'troupe/fed.sock'))) await sleep(20);
    const file = join(folder, 'kernel');
    expect((await troupe(['save', '--stop', 'fed', file])).status).toBe(0);
    const again = await troupe(['restore', file], 'three\n');
    // Who was slow to save it may find that cat runs already.
    expect([again.status, text + again.stdout.toString()]).toEqual([0, 'ready one\ntwo\nthree\n']);
  });

  test('of a sandbox that is paused leaves it paused', async () => {
    await sandbox('still', 'sleep 100');
    await troupe(['pause', 'still']);
    expect((await troupe(['save', 'still', join(folder, 'kernel')])).status).toBe(0);
    expect((await troupe(['ps'])).stdout.toString()).toContain('paused');
  });

  test('that cannot be done says why, and the sandbox goes on', async () => {
    await sandbox('kept', 'sleep 100');
    const { status, stderr } = await troupe(['save', '--stop', 'kept', join(folder, 'absent', 'kernel')]);
    expect(status).toBe(125);
    expect(stderr).toMatch(/^troupe: .*no such file or directory.*absent/);
    expect((await troupe(['ps'])).stdout.toString()).toMatch(/\nkept +\d+ +running/);
  });
});

describe('events', () => {
  test('are lines of JSON until the sandbox ends, of what was asked for', async () => {
    const { child } = await sandbox('seen', 'read line </dev/null; sleep 100');
    const watching = troupe(['events', '--types', 'exec,processExit', 'seen']);
    // It may only be about to begin.
    let over = false;
    void watching.then(() => {
      over = true;
    });
    const gone = ended(child);
    await sleep(700);
    expect(over).toBe(false);
    await troupe(['exec', 'seen', 'cat', '/etc/hostname']);
    await troupe(['kill', 'seen']);
    await gone;
    const { status, stdout, stderr } = await watching;
    expect([status, stderr]).toEqual([0, '']);
    const events = stdout
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map((e) => e.seq)).toEqual(events.map((_, i) => i));
    expect(events[0]).toMatchObject({ type: 'kernel', format: 1 });
    expect(events.at(-1)).toMatchObject({ type: 'end', dropped: 0 });
    expect(events.some((e) => e.type === 'exec' && e.argv?.[0] === 'cat')).toBe(true);
    expect(events.slice(1, -1).every((e) => e.type === 'exec' || e.type === 'processExit')).toBe(true);
  });

  test('end when nobody reads them any more, and the sandbox goes on', async () => {
    await sandbox('head', 'while :; do cat /etc/hostname >/dev/null; done');
    const shell = `"${process.execPath}" "${CLI}" events --lossless --syscalls openat --path /etc head | head -n 3`;
    const { status, stdout } = await run('sh', ['-c', shell], { env: environment(), input: '' });
    expect(status).toBe(0);
    expect(stdout.toString().trimEnd().split('\n')).toHaveLength(3);
    expect((await troupe(['ps'])).stdout.toString()).toMatch(/\nhead +\d+ +running/);
  });

  test('of no such type, system call or path are refused', async () => {
    await sandbox('strict', 'sleep 100');
    for (const option of ['--types=nonsense', '--syscalls=nonsense', '--path=relative', '--pids=0']) {
      const { status, stderr } = await troupe(['events', option, 'strict']);
      expect({ option, status }).toEqual({ option, status: 125 });
      expect(stderr).toMatch(/types|nonsense|absolute|count/);
    }
  });
});

describe('a sandbox that died', () => {
  test('is not listed, its socket is removed, and its name is free', async () => {
    const { child } = await sandbox('dead', 'sleep 100');
    const gone = ended(child);
    child.kill('SIGKILL');
    await gone;
    const socket = join(folder, 'troupe', 'dead.sock');
    expect(existsSync(socket)).toBe(true);
    expect((await troupe(['ps', '--json'])).stdout.toString()).toBe('[]\n');
    expect(existsSync(socket)).toBe(false);
    const absent = await troupe(['pause', 'dead']);
    expect([absent.status, absent.stderr]).toEqual([
      125,
      'troupe: no sandbox named dead runs; troupe ps lists those that do\n',
    ]);
  });

  test('leaves its name to the next one, and rm forgets it', async () => {
    for (const next of ['start', 'rm']) {
      const { child } = await sandbox('again', 'sleep 100');
      const gone = ended(child);
      child.kill('SIGKILL');
      await gone;
      if (next === 'rm') expect((await troupe(['rm', 'again'])).status).toBe(0);
    }
    expect(existsSync(join(folder, 'troupe', 'again.sock'))).toBe(false);
  });
});

test('rm of one that runs is an error, and with --force its end', async () => {
  const { child } = await sandbox('alive', 'sleep 100');
  const status = ended(child);
  expect((await troupe(['rm', 'alive'])).status).toBe(125);
  expect((await troupe(['rm', '--force', 'alive'])).status).toBe(0);
  expect(await status).toBe(137);
});

test('a name is taken once, must be one, and its directory must be private', async () => {
  await sandbox('mine', 'sleep 100');
  const second = await troupe(['run', '--name', 'mine', '--', 'true']);
  expect([second.status, second.stderr]).toEqual([
    125,
    'troupe: a sandbox named mine runs already; choose another --name\n',
  ]);
  expect((await troupe(['run', '--name', '../x', '--', 'true'])).status).toBe(125);
  const open = join(folder, 'open');
  mkdirSync(join(open, 'troupe'), { recursive: true });
  chmodSync(join(open, 'troupe'), 0o755);
  const refused = await run(process.execPath, [CLI, 'ps'], {
    env: { ...environment(), XDG_RUNTIME_DIR: open },
  });
  expect(refused.stderr).toMatch(/must be a directory that only its owner/);
});
