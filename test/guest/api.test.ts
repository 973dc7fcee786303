/** The public API on real guests: what a program that embeds troupe sees. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Kernel, type Process, SpawnError } from 'troupe';
import { run } from './support/run.js';

let kernel: Kernel;
beforeEach(async () => {
  kernel = await Kernel.boot({ shards: 2 });
});
afterEach(async () => {
  await kernel.close();
  // The zygotes are this process's children; none may be left.
  const left = execFileSync('ps', ['--ppid', String(process.pid), '-o', 'comm='], { encoding: 'utf8' });
  expect(left.split('\n').filter((l) => l !== '' && l !== 'ps')).toEqual([]);
});

test('starts where hundreds of descriptors are open', async () => {
  const taken = Array.from({ length: 300 }, () => openSync('/dev/null', 'r'));
  const another = await Kernel.boot({ shards: 1 });
  expect(await another.spawn('true').completed).toMatchObject({ exitCode: 0 });
  await another.close();
  for (const fd of taken) closeSync(fd);
});

async function output(p: Process): Promise<string> {
  let text = '';
  p.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((resolve) => p.on('close', resolve));
  return text;
}

describe('spawn', () => {
  test('runs a program, with its output in a stream and its status in `completed`', async () => {
    const p = kernel.spawn('sh', ['-c', 'echo out; exit 7']);
    expect(await output(p)).toBe('out\n');
    expect(await p.completed).toEqual({ exitCode: 7, signal: null, timedOut: false });
    expect(p.exitCode).toBe(7);
  });

  test('feeds stdin', async () => {
    const p = kernel.spawn('tr', ['a-z', 'A-Z']);
    p.stdin?.end('hello\n');
    expect(await output(p)).toBe('HELLO\n');
  });

  test('streams more than any pipe holds, in both directions, and ends when the reader goes away', async () => {
    const copy = kernel.spawn('cat');
    const block = 'x'.repeat(1_000_000);
    copy.stdin?.end(block);
    expect((await output(copy)).length).toBe(block.length);
    const endless = kernel.spawn('yes');
    endless.stdout?.once('data', () => endless.stdout?.destroy());
    expect(await endless.completed).toEqual({ exitCode: null, signal: 'SIGPIPE', timedOut: false });
    const deaf = kernel.spawn('true');
    deaf.stdin?.end(block);
    expect(await deaf.completed).toMatchObject({ exitCode: 0 });
  });

  test('of what is not there rejects with ENOENT and emits error', async () => {
    // A directory of the caller's PATH that he may not search would make it EACCES, as execvp(3) does.
    const p = kernel.spawn('no-such-program', [], { env: { PATH: '/usr/bin:/bin' } });
    const heard = new Promise((resolve) => p.on('error', resolve));
    const closed = new Promise((resolve) => p.on('close', resolve));
    await expect(p.completed).rejects.toMatchObject({ name: 'SpawnError', code: 'ENOENT' });
    expect(await heard).toBeInstanceOf(SpawnError);
    expect(await closed).toBe(null);
  });

  test('gives the environment that was asked for and nothing else', async () => {
    const p = kernel.spawn('/usr/bin/env', [], { env: { GREETING: 'grüß dich' } });
    expect(await output(p)).toBe('GREETING=grüß dich\n');
  });

  test('kills on timeout, and says so', async () => {
    const p = kernel.spawn('sleep', ['100'], { timeout: 0.2 });
    expect(await p.completed).toEqual({ exitCode: null, signal: 'SIGKILL', timedOut: true });
  });

  test('an AbortSignal kills', async () => {
    const controller = new AbortController();
    const p = kernel.spawn('sleep', ['100'], { signal: controller.signal });
    p.on('spawn', () => controller.abort());
    expect(await p.completed).toMatchObject({ signal: 'SIGKILL', timedOut: false });
  });

  test('kill sends the signal it is told to, also before the process is there', async () => {
    const p = kernel.spawn('sh', ['-c', 'trap "echo got it; exit 3" TERM; echo ready; while :; do :; done']);
    const text = output(p);
    p.stdout?.once('data', () => p.kill('SIGTERM'));
    expect(await text).toBe('ready\ngot it\n');
    expect((await p.completed).exitCode).toBe(3);
    const early = kernel.spawn('sleep', ['100']);
    early.kill('SIGKILL');
    expect((await early.completed).signal).toBe('SIGKILL');
  });
});

describe('shards', () => {
  test('carry processes of their own at the same time, with different pids', async () => {
    const many = Array.from({ length: 6 }, () => kernel.spawn('sh', ['-c', 'echo $$']));
    const pids = await Promise.all(many.map(output));
    expect(new Set(pids).size).toBe(6);
  });

  test('waitExited waits for all, kill ends all', async () => {
    const many = Array.from({ length: 4 }, () => kernel.spawn('sleep', ['100'], { stdio: 'ignore' }));
    await Promise.all(many.map((p) => new Promise((resolve) => p.on('spawn', resolve))));
    await kernel.kill(5);
    await kernel.waitExited();
    expect(await Promise.all(many.map((p) => p.completed))).toEqual(
      many.map(() => ({ exitCode: 5, signal: null, timedOut: false })),
    );
  });
});

describe('close', () => {
  test('ends what runs, and whoever waits for it hears of it', async () => {
    const p = kernel.spawn('sleep', ['100']);
    await new Promise((resolve) => p.on('spawn', resolve));
    await kernel.close();
    await expect(p.completed).rejects.toMatchObject({ code: 'ECLOSED' });
    await kernel.close();
  });

  test('leaves no descriptor and no thread, also of what still ran', async () => {
    const count = (what: string): number => readdirSync(`/proc/self/${what}`).length;
    const once = async (): Promise<void> => {
      const another = await Kernel.boot({ shards: 2 });
      await another.spawn('ls', ['-l', '/usr/bin'], { stdio: 'ignore' }).completed;
      const left = another.spawn('sh', ['-c', 'exec 3>/tmp/file; echo x >&3; sleep 100 | cat']);
      await new Promise((resolve) => left.on('spawn', resolve));
      await another.close();
    };
    await once();
    const [descriptors, threads] = [count('fd'), count('task')];
    for (let n = 0; n < 4; n++) await once();
    for (let n = 0; n < 100 && count('fd') > descriptors; n++) await new Promise((r) => setTimeout(r, 20));
    expect(count('fd')).toBeLessThanOrEqual(descriptors);
    expect(count('task')).toBeLessThanOrEqual(threads);
  });

  test('ends the stream of events, which saw what was asked for', async () => {
    const types: string[] = [];
    const ended = new Promise((resolve) => {
      const seen = kernel.observe({ types: ['exec', 'taskExit'] });
      seen.subscribe({ next: (e) => types.push(e.type), complete: () => resolve(undefined) });
    });
    await kernel.spawn('/bin/true', [], { stdio: 'ignore' }).completed;
    await kernel.close();
    await ended;
    expect(types).toEqual(['kernel', 'exec', 'taskExit', 'end']);
  });
});

describe('spawn with exec: this process ends with the program', () => {
  const script = join(import.meta.dirname, 'support', 'exec.mjs');
  test.each([
    ['a status', 'echo out; exit 7', { status: 7, output: 'out\n' }],
    ['a signal', 'kill -TERM $$', { status: 128 + 15, output: '' }],
  ])('by %s', async (_how, command, expected) => {
    const { status, stdout, stderr, leftovers } = await run(process.execPath, [script, 'sh', '-c', command]);
    expect({ status, output: stdout.toString() }).toEqual(expected);
    expect({ stderr, leftovers }).toEqual({ stderr: '', leftovers: [] });
  });

  test('but not where the program cannot be started', async () => {
    const { status, stdout, stderr } = await run(process.execPath, [script, '/no/such/program']);
    expect(status).toBe(1);
    expect(stdout.toString()).toBe('the exit event\n');
    expect(stderr).toContain('ENOENT');
  });
});

test('wrong options are refused in one line that names them', async () => {
  await expect(Kernel.boot({ cores: 0 })).rejects.toThrow(/cores/);
  await expect(Kernel.boot({ strace: { filter: 'no_such_call' } })).rejects.toThrow(/no_such_call/);
});
