/** Injection, beside strace's own, which it follows. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Kernel } from 'troupe';
import { compile, gcc, sayAbsent } from './support/compiler.js';
import { run, troupe, which } from './support/run.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('inject');
const strace = which('strace');
const bind = ['--bind', `${folder}:${folder}`];

const RULES = [
  'chdir:error=ENOENT',
  'chdir:error=EPERM:when=2',
  'chdir:error=5:when=3+',
  'chdir:error=EIO:when=2+3',
  'chdir:error=EIO:when=2..4',
  'chdir:error=EIO:when=1..7+3',
  'chdir:retval=42:when=1+2',
  'umask:retval=0x1ff',
  'chdir,umask:error=EACCES:when=2',
  '/^(chdir|umask)$:error=EACCES:when=1',
  'chdir:error=EIO:syscall=getpid:when=1',
  'chdir:signal=SIGUSR1:when=4',
  'chdir:signal=10:error=EINTR:when=4',
  'chdir:signal=SIGTERM:when=3',
  'nanosleep:signal=SIGUSR1',
  'nanosleep:signal=SIGUSR2',
  'nanosleep:error=EINTR',
  'read:error=EINTR:when=2+',
  'chdir:delay_enter=2000:when=1',
  'chdir:delay_exit=2ms:when=1',
  'exit_group:error=ENOSYS:when=1',
];

(gcc && strace ? describe : describe.skip)('the same as under strace', () => {
  if (!gcc) sayAbsent('gcc');
  if (!strace) sayAbsent('strace');
  test.each(RULES)('%s', async (rule) => {
    const program = compile('inject-probe', folder, ['-static']);
    const native = await run('strace', ['-f', '-qq', '-o', '/dev/null', '-e', `inject=${rule}`, program]);
    const guest = await troupe([...bind, '--inject', rule], [program]);
    expect(guest.stdout.toString()).toBe(native.stdout.toString());
    expect({ status: guest.status, timedOut: guest.timedOut }).toEqual({
      status: native.status,
      timedOut: false,
    });
    expect(guest.stdout.length).toBeGreaterThan(20);
  });
});

test('the line of strace says what was injected', async () => {
  const { stderr } = await troupe(
    ['--strace=geteuid', '--inject', 'geteuid:retval=77'],
    ['/usr/bin/id', '-u'],
  );
  expect(stderr).toMatch(/geteuid\(\) = 77 \(INJECTED\)/);
});

test('a delay delays', async () => {
  const started = Date.now();
  const { status } = await troupe(['--inject', 'geteuid:delay_enter=400ms'], ['/usr/bin/id', '-u']);
  expect(status).toBe(0);
  expect(Date.now() - started).toBeGreaterThan(400);
});

test('short reads and writes change nothing for a program that can take them', async () => {
  const input = join(folder, 'input');
  const text = Array.from({ length: 2_000 }, (_, i) => `line ${i}\n`).join('');
  writeFileSync(input, text);
  const rules = ['--inject', 'read,write:short=100'];
  const { stdout, status } = await troupe([...bind, ...rules], ['/bin/cat', input]);
  expect(status).toBe(0);
  expect(stdout.toString()).toBe(text);
});

test('by chance: the same for the same seed', async () => {
  const failed = async (seed: string): Promise<string> => {
    const rules = ['--inject', 'newfstatat,statx,stat:error=EIO:chance=0.3', '--inject-seed', seed];
    const names = Array.from({ length: 30 }, () => '/etc/passwd');
    return (await troupe(rules, ['/bin/ls', '-d', ...names])).stderr;
  };
  const first = await failed('1');
  expect(first).toContain('Input/output error');
  expect(await failed('1')).toBe(first);
});

test('a wrong rule is a wrong option', async () => {
  const { status, stderr } = await troupe(['--inject', 'openat:eror=ENOENT'], ['true']);
  expect(status).toBe(125);
  expect(stderr).toMatch(/^troupe: inject: openat:eror=ENOENT: unknown word 'eror'; known: error, [^\n]*\n$/);
  await expect(Kernel.boot({ inject: 'nope:error=EIO' })).rejects.toThrow(/inject: nope:error=EIO: unknown/);
  expect((await troupe(['--inject-seed', 'x'], ['true'])).status).toBe(125);
});
