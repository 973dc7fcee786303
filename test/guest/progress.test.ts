/** How far saving and loading are: shown to whoever waits at a terminal, and to nobody else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SOURCES, sayAbsent } from './support/compiler.js';
import { CLI, plainEnvironment, type RunResult, run, which } from './support/run.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('progress');
const IN_TERMINAL = join(SOURCES, '../support/in-terminal.py');
const python = which('python3');
if (!python) sayAbsent('python3');
const when = python ? test : test.skip;
const file = join(folder, 'kernel');
/** The cursor to the first column, and the line empty. */
const CLEARED = '\x1b[1G\x1b[2K';
const env = { ...plainEnvironment(), TERM: 'xterm', XDG_RUNTIME_DIR: folder };

let sandbox: ChildProcess;
beforeAll(async () => {
  const script =
    'dd if=/dev/urandom of=/tmp/much bs=1M count=8 2>/dev/null; echo ready; read line; echo ran; exit 6';
  sandbox = spawn(process.execPath, [CLI, 'run', '--name', 'box', '--', 'sh', '-c', script], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ready = new Promise((resolve) => sandbox.stdout?.once('data', resolve));
  while (!existsSync(join(folder, 'troupe/box.sock')))
    await new Promise((resolve) => setTimeout(resolve, 20));
  await ready;
  await run(process.execPath, [CLI, 'pause', 'box'], { env });
});
afterAll(() => {
  sandbox.kill('SIGKILL');
});

const atTerminal = (...args: string[]): Promise<RunResult> =>
  run(python as string, [IN_TERMINAL, process.execPath, CLI, ...args], { env });

when('saving at a terminal shows a bar, up to the end, and takes it away', async () => {
  const { status, stdout } = await atTerminal('save', 'box', file);
  const shown = stdout.toString();
  expect([status, statSync(file).size > 1 << 20]).toEqual([0, true]);
  expect(shown).toMatch(/saving \[-{30}\] 0% /);
  expect(shown).toMatch(/saving \[={30}\] 100% memory (\d+\.\d)\/\1 MiB/);
  // The line is empty in the end, and nothing about the terminal was changed.
  expect(shown.endsWith(CLEARED)).toBe(true);
  expect(shown).not.toContain('\x1b[?');
});

when('loading at a terminal shows a bar, and the guest goes on after it', async () => {
  const { status, stdout } = await atTerminal('restore', file);
  const shown = stdout.toString();
  expect(status).toBe(6);
  expect(shown).toMatch(/loading \[={30}\] 100% memory (\d+\.\d)\/\1 MiB/);
  expect(shown.split(CLEARED).at(-1)).toBe('ran\r\n');
});

test('neither says anything where stderr is no terminal', async () => {
  const saved = await run(process.execPath, [CLI, 'save', 'box', `${file}.2`], { env });
  expect([saved.status, saved.stdout.toString(), saved.stderr]).toEqual([0, '', '']);
  const loaded = await run(process.execPath, [CLI, 'restore', `${file}.2`], { env, input: '' });
  expect([loaded.status, loaded.stdout.toString(), loaded.stderr]).toEqual([6, 'ran\n', '']);
});

when('an error while the bar is shown stands on a line of its own', async () => {
  const { status, stdout } = await atTerminal('restore', CLI);
  expect(status).toBe(125);
  expect(stdout.toString().split(CLEARED).at(-1)).toMatch(/^troupe: .*not a saved kernel.*\r\n$/);
});
