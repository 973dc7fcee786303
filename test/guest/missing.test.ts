/**
 * What a saved kernel referred to and is not there any more: refused by its name, or done without where the options
 * say so (docs/decisions/0039).
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Kernel, type KernelError, type LoadOptions } from 'troupe';
import { sayAbsent } from './support/compiler.js';
import { withUnknownRegisters } from './support/image.js';
import { CLI, plainEnvironment, run, which } from './support/run.js';
import { Output } from './support/saved.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('missing');
const scripts = join(import.meta.dirname ?? join(process.cwd(), 'test/guest'), 'scripts');
const python = which('python3');
if (!python) sayAbsent('python3');
const when = python ? test : test.skip;

let kernel: Kernel;
let files = 0;
let file: string;
beforeEach(() => {
  file = join(folder, `kernel-${files++}`);
});
afterEach(() => kernel?.close());

const errorOf = (options: LoadOptions): Promise<KernelError> =>
  Kernel.loadFrom(file, { logLevel: 'error', ...options }).then(
    () => {
      throw new Error('it was loaded');
    },
    (e: KernelError) => e,
  );

/** What the first process says from then on, and how it ends. */
async function goOn(options: LoadOptions, input = '\n') {
  const loaded = await Kernel.loadFrom(file, { logLevel: 'error', ...options });
  try {
    const [process] = loaded.processes;
    if (!process) throw new Error('no process');
    const output = new Output(process);
    await loaded.unpause();
    process.stdin?.end(input);
    const { exitCode, signal } = await process.completed;
    return { said: await output.all(), exitCode, signal };
  } finally {
    await loaded.close();
  }
}

async function saveWhenReady(command: readonly [string, ...string[]], options = {}): Promise<void> {
  const [program, ...args] = command;
  const guest = kernel.spawn(program, args, options);
  await new Output(guest).until('ready');
  await kernel.pause();
  await kernel.saveTo(file);
  await kernel.close();
}

describe('files', () => {
  const GONE = [
    'the folder: there',
    'what is in it: []',
    'what is in the open folder: []',
    'a file: ENOENT',
    'a file of the working directory: ENOENT',
    'open: ENOENT',
    'make: ENOENT',
    'chmod: ENOENT',
    'the single file: ENOENT',
    'fstat: 16384',
    'seek: 16384',
    'read: EIO',
    'write: EIO',
    'fsync: EIO',
    "a page that was written: b'newa'",
    "written again: b'newa!'",
    'a page that was not: 7',
    'nor this one: 7',
    'a shared page: 7',
    'a new mapping: 7',
    'closed: EBADF',
    '',
  ].join('\n');
  let source: string;
  let single: string;
  beforeEach(async () => {
    source = join(folder, `bound-${files}`);
    single = join(folder, `single-${files}`);
    mkdirSync(source);
    writeFileSync(join(source, 'data'), Buffer.alloc(16_384, 'data'));
    writeFileSync(join(source, 'log'), '');
    writeFileSync(single, 'text');
    const binds = [
      { source, target: '/bound', readOnly: false },
      { source: single, target: '/single', readOnly: true },
    ];
    kernel = await Kernel.boot({ shards: 1, logLevel: 'error', binds });
  });
  const save = (): Promise<void> =>
    saveWhenReady([python as string, join(scripts, 'missing.py'), '/bound', '/single']);

  when('a bind mount that is gone is as a directory that was removed, on a disk that has gone', async () => {
    await save();
    renameSync(source, `${source}.moved`);
    rmSync(single);
    for (const dropMissing of [[], ['streams', 'cpu'] as const]) {
      expect(await errorOf({ dropMissing })).toMatchObject({
        code: 'CannotLoad',
        message: expect.stringMatching(/bound-\d+ cannot be opened on this host/),
      });
    }
    expect(await goOn({ dropMissing: ['files'] })).toEqual({ said: GONE, exitCode: 0, signal: null });
    expect(readFileSync(join(`${source}.moved`, 'log'), 'latin1')).toBe('before\n');
    expect(existsSync(join(`${source}.moved`, 'made'))).toBe(false);
  });

  when('it stays away when the kernel is saved again, and its place is filled', async () => {
    await save();
    renameSync(source, `${source}.moved`);
    rmSync(single);
    const loaded = await Kernel.loadFrom(file, { logLevel: 'error', dropMissing: ['files'] });
    await loaded.saveTo(`${file}.2`);
    await loaded.close();
    renameSync(`${source}.moved`, source);
    writeFileSync(single, 'text');
    file = `${file}.2`;
    expect((await goOn({})).said).toBe(GONE);
  });

  when('of a directory that is there, a file that is gone', async () => {
    await save();
    rmSync(join(source, 'data'));
    expect((await errorOf({})).message).toMatch(/bound-\d+\/data of the host is gone/);
    const { said } = await goOn({ dropMissing: ['files'] });
    expect(said).toContain("what is in it: ['log']\n");
    expect(said).toContain('a file: ENOENT\n');
    expect(said).toContain('fstat: 16384\nseek: 16384\n');
    expect(said).toContain('read: EIO\nwrite: 6\nfsync: None\n');
    expect(said).toContain(
      "written again: b'newa!'\na page that was not: 7\nnor this one: 7\na shared page: 7\na new mapping: 7\n",
    );
    expect(readFileSync(join(source, 'log'), 'latin1')).toBe('before\nafter\n');
  });

  when('troupe restore says what is missing, and goes on without it where it is told to', async () => {
    await save();
    renameSync(source, `${source}.moved`);
    rmSync(single);
    const restore = (...options: string[]) =>
      run(process.execPath, [CLI, 'restore', ...options, file], { env: plainEnvironment(), input: '\n' });
    const refused = await restore();
    expect([refused.status, refused.stdout.length]).toEqual([125, 0]);
    expect(refused.stderr).toMatch(
      /^troupe: .*bound-\d+ cannot be opened on this host.*drop missing files\n$/,
    );
    expect((await restore('--drop-missing=streams')).status).toBe(125);
    expect((await restore('--drop-missing=sleep')).stderr).toMatch(
      /sleep: nothing that can be missing.*files/,
    );
    const went = await restore('--drop-missing');
    expect([went.status, went.stdout.toString()]).toEqual([0, GONE]);
  });
});

test('an open file of the root that was changed meanwhile answers EIO, and is what it is now to who opens it', async () => {
  const changing = join(folder, 'changing');
  writeFileSync(changing, 'old');
  kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
  await saveWhenReady([
    'sh',
    '-c',
    `exec 3<${changing}; echo ready; read line; cat <&3 2>&1; cat ${changing}`,
  ]);
  writeFileSync(changing, 'new and longer');
  expect((await errorOf({})).message).toMatch(/changing of the host was changed.*drop missing files/);
  const { said } = await goOn({ dropMissing: ['files'] });
  expect(said).toMatch(/Input\/output error\nnew and longer$/);
});

describe('streams', () => {
  const stdio = ['pipe', 'pipe', 'pipe', 'pipe'] as const;
  beforeEach(async () => {
    kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
    if (python) await saveWhenReady([python, join(scripts, 'streams.py')], { stdio });
  });
  const NOT_OPEN = 0x7fff_ffff;

  when('a descriptor for which none is given is a pipe whose other end is closed', async () => {
    expect((await errorOf({})).message).toContain('no stream was given for descriptor 3 of process');
    expect((await errorOf({ dropMissing: ['files', 'cpu'] })).code).toBe('CannotLoad');
    expect((await goOn({ stdio: [...stdio] }, 'ab')).said).toContain(
      "read b'ab' b''\npoll 0 POLLHUP\npoll 3 POLLOUT\n",
    );
    expect((await goOn({ dropMissing: ['streams'] }, 'ab')).said).toBe(
      "read b'ab' b''\nwrite EPIPE\npoll 0 POLLHUP\npoll 3 POLLOUT POLLERR\nterminal False\n",
    );
  });

  when('so is one that is given and not open', async () => {
    const given = [NOT_OPEN, 'pipe', 'pipe', 'pipe'] as const;
    expect((await errorOf({ stdio: [...given] })).message).toContain('no stream was given for descriptor 0');
    expect((await goOn({ stdio: [...given], dropMissing: ['streams'] })).said).toBe(
      "read b'' b''\npoll 0 POLLHUP\npoll 3 POLLOUT\nterminal False\n",
    );
  });
});

describe('cpu', () => {
  test('registers that this CPU has not are refused, and left out where that is asked for', async () => {
    kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
    await saveWhenReady(['sh', '-c', 'echo ready; read line; echo "$line $((6 * 7))"; exit 3']);
    withUnknownRegisters(file);
    for (const dropMissing of [[], ['files', 'streams'] as const]) {
      expect((await errorOf({ dropMissing })).message).toMatch(
        /this CPU has not all the features that task \d+ uses/,
      );
    }
    const { said, exitCode } = await goOn({ dropMissing: ['cpu'] }, 'line\n');
    expect({ said, exitCode }).toEqual({ said: 'line 42\n', exitCode: 3 });
  });
});

test('only what is known to be missing can be dropped', async () => {
  await expect(Kernel.loadFrom('/dev/null', { dropMissing: ['disk'] as never })).rejects.toThrow(
    /dropMissing.*must be of files, streams, cpu/,
  );
});
