/** Hooks of an embedder on the system calls of real guests. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { InterceptError, Kernel, type KernelEvent } from 'troupe';
import { troupe } from './support/run.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('hooks');
let modules = 0;

function hooks(source: string): URL {
  const path = join(folder, `hooks-${modules++}.mjs`);
  writeFileSync(path, source);
  return pathToFileURL(path);
}

let kernel: Kernel;
beforeEach(async () => {
  // What a hook's failure has to say in the log is not this test's output.
  kernel = await Kernel.boot({ shards: 2, logLevel: 'silent' });
});
afterEach(() => kernel.close());

async function output(command: string, args: readonly string[]): Promise<{ text: string; how: unknown }> {
  const guest = kernel.spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  guest.stdout?.on('data', (chunk) => (text += chunk));
  guest.stderr?.on('data', (chunk) => (text += chunk));
  const closed = new Promise((resolve) => guest.once('close', resolve));
  const { exitCode, signal } = await guest.completed;
  await closed;
  return { text, how: signal ?? exitCode };
}

describe('kernel.intercept', () => {
  test('refuses, redirects, pretends and kills, on every shard', async () => {
    await kernel.intercept(
      hooks(`
        export const syscalls = 'openat,geteuid';
        export function before(call) {
          if (call.name === 'geteuid') return { result: 1234 };
          if (call.args.pathname === '/etc/shadow') return { errno: 'EACCES' };
          if (call.args.pathname === '/etc/motd') return { args: { pathname: '/etc/hostname' } };
          if (call.args.pathname === '/dev/full') return { kill: 'SIGTERM' };
        }`),
    );
    const plain = await output('/bin/cat', ['/etc/hostname']);
    // Spawned in turn on both shards.
    expect(await output('/bin/cat', ['/etc/motd'])).toEqual(plain);
    expect(await output('/usr/bin/id', ['-u'])).toEqual({ text: '1234\n', how: 0 });
    expect(await output('/usr/bin/id', ['-u'])).toEqual({ text: '1234\n', how: 0 });
    expect(await output('/bin/cat', ['/etc/shadow'])).toEqual({
      text: '/bin/cat: /etc/shadow: Permission denied\n',
      how: 1,
    });
    expect(await output('/bin/cat', ['/dev/full'])).toEqual({ text: '', how: 'SIGTERM' });
  });

  test('after() changes results, also of calls that waited', async () => {
    await kernel.intercept(
      hooks(`
        export const syscalls = 'clock_nanosleep,wait4';
        export function after(call) {
          if (call.name === 'clock_nanosleep' && call.result === 0) return { errno: 'EPERM' };
        }`),
    );
    const { text, how } = await output('/bin/sleep', ['0.05']);
    expect({ text, how }).toEqual({ text: expect.stringContaining('Operation not permitted'), how: 1 });
  });

  test('is in force for what is spawned after it, without waiting, and not after close()', async () => {
    const module = hooks(`export const syscalls = 'geteuid'; export const before = () => ({ result: 9 });`);
    const loading = kernel.intercept(module);
    expect(await output('/usr/bin/id', ['-u'])).toEqual({ text: '9\n', how: 0 });
    await (await loading).close();
    expect((await output('/usr/bin/id', ['-u'])).text).not.toBe('9\n');
  });

  test('a hook that throws ends its process, with its stack; others and the kernel go on', async () => {
    const faults: KernelEvent[] = [];
    kernel.faults$.subscribe((event) => faults.push(event));
    const module = hooks(`
      export const syscalls = 'geteuid';
      export function before(call) { throw new Error('no idea what to do with ' + call.name); }`);
    await kernel.intercept(module);
    expect(await output('/usr/bin/id', ['-u'])).toEqual({ text: '', how: 'SIGKILL' });
    expect(await output('/bin/echo', ['alive'])).toEqual({ text: 'alive\n', how: 0 });
    await kernel.close();
    const [error] = faults.flatMap((e) => (e.type === 'hookError' ? [e] : []));
    expect(error).toMatchObject({ module: module.href });
    expect(error?.why).toMatch(/no idea what to do with geteuid\n\s+at before \(.*hooks-\d+\.mjs:3/);
  });

  test.each([
    ['that is not there', () => 'file:///no/such/module.mjs', /no\/such\/module/],
    ['with an error of syntax', () => hooks('export const = 5'), /hooks-\d+\.mjs/],
    ['without hooks', () => hooks('export const x = 5'), /neither before\(\) nor after\(\)/],
    ['that names no call', () => hooks(`export const syscalls='nope'; export function before(){}`), /'nope'/],
  ])('a module %s is an error, and nothing is in force', async (_what, module, why) => {
    const failed = kernel.intercept(module());
    await expect(failed).rejects.toThrow(InterceptError);
    await expect(failed).rejects.toThrow(why);
    expect(await output('/bin/echo', ['fine'])).toEqual({ text: 'fine\n', how: 0 });
  });

  test('a path is no URL', async () => {
    await expect(kernel.intercept('./hooks.mjs')).rejects.toThrow(/must be a URL/);
  });
});

test('troupe run --intercept', async () => {
  const module = hooks(`export const syscalls = 'geteuid'; export const before = () => ({ result: 31 });`);
  const { stdout, status } = await troupe(['--intercept', module.pathname], ['/usr/bin/id', '-u']);
  expect({ status, text: stdout.toString() }).toEqual({ status: 0, text: '31\n' });
  const missing = await troupe(['--intercept', '/no/such.mjs'], ['true']);
  expect(missing.status).toBe(125);
  expect(missing.stderr).toMatch(/^troupe: [^\n]*no\/such\.mjs[^\n]*\n$/);
});
