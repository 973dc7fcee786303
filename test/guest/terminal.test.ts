/** `troupe run -it`, `exec -it`: an interactive shell on the caller's terminal is like one on the terminal itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SOURCES, sayAbsent } from './support/compiler.js';
import { CLI, run, troupe, which } from './support/run.js';
import { tempFolder } from './support/temp.js';

const SESSION = join(SOURCES, '../support/terminal-session.py');
const IN_TERMINAL = join(SOURCES, '../support/in-terminal.py');
const python = which('python3');
const bash = which('bash');
if (!python || !bash) sayAbsent('python3 or bash');

const when = python && bash ? test : test.skip;
const shell = [bash as string, '--norc', '--noprofile', '-i'];

/** That of a shell on the terminal itself. */
async function expectSameSession(command: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const guest = await run(python as string, ['-u', SESSION, ...command], { cwd: '/', env });
  const native = await run(python as string, ['-u', SESSION, ...shell], {
    cwd: '/',
    env: { ...env, PS1: 'P\\#> ' },
  });
  expect(guest.stdout.toString()).toBe(native.stdout.toString());
  expect(guest.stdout.toString()).toContain('status 7');
  expect(guest.leftovers).toEqual([]);
}

describe('an interactive shell', () => {
  const sandboxed = [process.execPath, CLI, 'run', '-it', '--env', 'PS1=P\\#> ', '--', ...shell];
  const env = { ...process.env, TERM: 'xterm', LANG: 'C' };

  when('job control, keys, window size and settings are the same as natively', async () => {
    await expectSameSession(sandboxed, env);
  });

  when('a troupe that is killed leaves a usable terminal', async () => {
    const killed = await run(python as string, ['-u', SESSION, 'killed', ...sandboxed], { cwd: '/', env });
    expect(killed.stdout.toString()).toBe('usable True\n');
  });
});

describe('exec -t: an interactive shell in a sandbox that runs', () => {
  const folder = tempFolder('terminal');
  const env = { ...process.env, TERM: 'xterm', LANG: 'C', XDG_RUNTIME_DIR: folder };
  let sandbox: ChildProcess;
  beforeAll(async () => {
    sandbox = spawn(process.execPath, [CLI, 'run', '--name', 'box', '--cwd', '/', '--', 'sleep', '1000'], {
      env,
      stdio: 'ignore',
    });
    while (!existsSync(join(folder, 'troupe/box.sock')))
      await new Promise((resolve) => setTimeout(resolve, 20));
  });
  afterAll(() => {
    sandbox.kill('SIGKILL');
  });
  const inside = [process.execPath, CLI, 'exec', '-it', '--env', 'PS1=P\\#> ', 'box', '--', ...shell];

  when('is the same as natively', async () => {
    await expectSameSession(inside, env);
  });

  when('goes when its caller is killed, and leaves a usable terminal', async () => {
    const killed = await run(python as string, ['-u', SESSION, 'killed', ...inside], { cwd: '/', env });
    expect(killed.stdout.toString()).toBe('usable True\n');
    const commands = async (): Promise<string[]> =>
      JSON.parse((await run(process.execPath, [CLI, 'ps', '--json', 'box'], { env })).stdout.toString()).map(
        (t: { comm: string }) => t.comm,
      );
    while ((await commands()).includes('bash')) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await commands()).toEqual(['sleep']);
  });

  when('of what cannot be started leaves the terminal as it was', async () => {
    // By its path: PATH may name directories that the user may not search.
    const absent = [process.execPath, CLI, 'exec', '-t', 'box', '/no-such-program'];
    const { status, stdout } = await run(python as string, [IN_TERMINAL, ...absent], { env });
    expect([status, stdout.toString()]).toEqual([
      127,
      expect.stringMatching(/^troupe: \/no-such-program: no such file/),
    ]);
  });

  test('wants a terminal on standard input', async () => {
    const refused = await run(process.execPath, [CLI, 'exec', '-it', 'box', 'true'], { env, input: '' });
    expect([refused.status, refused.stdout.length]).toEqual([125, 0]);
    expect(refused.stderr).toMatch(/^troupe: -t: standard input is not a terminal; .*\n$/);
  });
});

test('-t without a terminal on standard input is an error of one line', async () => {
  const refused = await troupe(['-it'], ['true'], { input: '' });
  expect([refused.status, refused.stdout.length]).toEqual([125, 0]);
  expect(refused.stderr).toMatch(/^troupe: -t: standard input is not a terminal; .*\n$/);
});
