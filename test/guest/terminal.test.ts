/** `troupe run -it`: an interactive shell on the caller's terminal is like one on the terminal itself. */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { SOURCES, sayAbsent } from './support/compiler.js';
import { CLI, run, troupe, which } from './support/run.js';

const SESSION = join(SOURCES, '../support/terminal-session.py');
const python = which('python3');
const bash = which('bash');
if (!python || !bash) sayAbsent('python3 or bash');

describe('an interactive shell', () => {
  const when = python && bash ? test : test.skip;
  const shell = [bash as string, '--norc', '--noprofile', '-i'];
  const sandboxed = [process.execPath, CLI, 'run', '-it', '--env', 'PS1=P\\#> ', '--', ...shell];
  const env = { ...process.env, TERM: 'xterm', LANG: 'C' };

  when('job control, keys, window size and settings are the same as natively', async () => {
    const guest = await run(python as string, ['-u', SESSION, ...sandboxed], { cwd: '/', env });
    const native = await run(python as string, ['-u', SESSION, ...shell], {
      cwd: '/',
      env: { ...env, PS1: 'P\\#> ' },
    });
    expect(guest.stdout.toString()).toBe(native.stdout.toString());
    expect(guest.stdout.toString()).toContain('status 7');
    expect(guest.leftovers).toEqual([]);
  });

  when('a troupe that is killed leaves a usable terminal', async () => {
    const killed = await run(python as string, ['-u', SESSION, 'killed', ...sandboxed], { cwd: '/', env });
    expect(killed.stdout.toString()).toBe('usable True\n');
  });
});

test('-t without a terminal on standard input is an error of one line', async () => {
  const refused = await troupe(['-it'], ['true'], { input: '' });
  expect([refused.status, refused.stdout.length]).toEqual([125, 0]);
  expect(refused.stderr).toMatch(/^troupe: -t: standard input is not a terminal; .*\n$/);
});
