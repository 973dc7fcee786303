/** What saving and loading promise beside the guests' going on: KERNEL.md K16 to K25, K39, K40. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { hostFeatureSet, type InitOptions, Kernel, type SaveProgress } from 'troupe';
import { compile, gcc, sayAbsent } from './support/compiler.js';
import { logLinesOf } from './support/log-lines.js';
import { goOnElsewhere, Output } from './support/saved.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('save-contract');
const PYTHON = '/usr/bin/python3';
const INIT: InitOptions = {
  featureSet: hostFeatureSet(),
  timekeeper: { clock: 'real' },
  rootUserNamespace: { owner: 0, group: 0 },
  applicationCores: 2,
};

if (!gcc) sayAbsent('gcc');

let kernel: Kernel;
let files = 0;
let file: string;
beforeEach(() => {
  file = join(folder, `kernel-${files++}`);
});
afterEach(() => kernel.close());

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('K16: time', () => {
  test('stands still while a kernel is saved, and goes on after one that cannot be saved', async () => {
    kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
    const guest = kernel.spawn('sh', ['-c', 'echo ready; sleep 0.3; echo slept']);
    const output = new Output(guest);
    await output.until('ready');
    await kernel.pause();
    const before = await kernel.monotonicClock();
    await expect(kernel.saveTo(join(folder, 'absent', 'kernel'))).rejects.toThrow(/ENOENT/);
    // Of the kind that only the shard finds out.
    await expect(kernel.saveTo('/proc/self/kernel')).rejects.toThrow();
    await kernel.saveTo(file);
    expect(await kernel.monotonicClock()).toBe(before);
    await kernel.unpause();
    expect((await guest.completed).exitCode).toBe(0);
    expect(await kernel.monotonicClock()).toBeGreaterThan(before);
  });
});

describe('K17: files of the host', () => {
  test('have what was written to them when the kernel is saved, and go on being written', async () => {
    const shared = join(folder, 'shared');
    mkdirSync(shared);
    const binds = [{ source: shared, target: '/shared', readOnly: false }];
    kernel = await Kernel.boot({ shards: 1, logLevel: 'error', binds });
    const guest = kernel.spawn('sh', [
      '-c',
      'exec 3>/shared/log; echo one >&3; echo ready; read l; echo two >&3',
    ]);
    await new Output(guest).until('ready');
    await kernel.pause();
    await kernel.saveTo(file);
    await kernel.close();
    expect(readFileSync(join(shared, 'log'), 'latin1')).toBe('one\n');
    expect((await goOnElsewhere(file, '\n')).code).toBe(0);
    expect(readFileSync(join(shared, 'log'), 'latin1')).toBe('one\ntwo\n');
  });
});

test('K20: what was under way is done before it is saved: a read whose bytes came while the kernel was paused', async () => {
  kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
  const guest = kernel.spawn('sh', ['-c', 'echo ready; exec dd bs=100 count=2 status=none']);
  await new Output(guest).until('ready');
  // It waits in read(2) by then.
  await sleep(200);
  await kernel.pause();
  guest.stdin?.write('early\n');
  await sleep(100);
  await kernel.saveTo(file);
  await kernel.close();
  expect((await goOnElsewhere(file, 'late\n')).output).toBe('early\nlate\n');
});

test('what nobody has read of a pipe yet is read before what comes by the new one, here and elsewhere', async () => {
  kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
  const guest = kernel.spawn('sh', ['-c', 'read line; echo "ready $line"; sleep 0.5; exec md5sum']);
  const output = new Output(guest);
  // More than one page, less than the pipe holds.
  const rest = Buffer.alloc(40_000, 'unread ');
  guest.stdin?.write(Buffer.concat([Buffer.from('one\n'), rest]));
  await output.until('ready one');
  await kernel.pause();
  await kernel.saveTo(file);
  // What is saved again before anybody has read it is still there.
  const loaded = await Kernel.loadFrom(file);
  await loaded.saveTo(`${file}.2`);
  await loaded.close();
  const sum = (more: string): string => createHash('md5').update(rest).update(more).digest('hex');
  expect((await goOnElsewhere(file, 'and more')).output).toBe(`${sum('and more')}  -\n`);
  expect((await goOnElsewhere(`${file}.2`, '')).output).toBe(`${sum('')}  -\n`);
  await kernel.unpause();
  guest.stdin?.end('here');
  expect(await output.all()).toBe(`ready one\n${sum('here')}  -\n`);
});

test('what waits in pipes and sockets of guests is there to the byte', async () => {
  kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
  const script = [
    'import os, socket, sys',
    'a, b = socket.socketpair(); a.send(b"x" * 1000)',
    'c, d = socket.socketpair(type=socket.SOCK_DGRAM); c.send(b"y" * 2000); c.send(b"z" * 500)',
    'r, w = os.pipe(); os.write(w, b"p" * 3000)',
    'print("ready", flush=True); sys.stdin.readline()',
    'print([sorted(set(t)) + [len(t)] for t in (b.recv(99999), d.recv(99999), d.recv(99999), os.read(r, 99999))])',
  ].join('\n');
  const guest = kernel.spawn(PYTHON, ['-c', script]);
  await new Output(guest).until('ready');
  await kernel.pause();
  await kernel.saveTo(file);
  await kernel.close();
  const { output } = await goOnElsewhere(file, '\n');
  expect(output).toBe('[[120, 1000], [121, 2000], [122, 500], [112, 3000]]\n');
});

test('what was typed on a terminal and has not been read is read elsewhere', async () => {
  kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
  const script = 'stty -echo -icanon min 1; echo ready; sleep 0.5; exec head -c 30000 | md5sum';
  const guest = kernel.spawn('sh', ['-c', script], { stdio: 'pty' });
  await new Output(guest).until('ready');
  await kernel.pause();
  // More than a terminal holds: a part of it is between the two.
  const typed = Buffer.alloc(29_990, 'typed here');
  guest.stdin?.write(typed);
  await sleep(200);
  await kernel.saveTo(file);
  await kernel.close();
  const { output } = await goOnElsewhere(file, 'and there.');
  expect(output).toContain(createHash('md5').update(typed).update('and there.').digest('hex'));
});

test('K22: mappings of host files are saved as such, but for the pages that a guest changed', async () => {
  const mapped = join(folder, 'mapped');
  const size = 64 << 20;
  writeFileSync(mapped, Buffer.alloc(size, 'x'));
  const script = [
    'import mmap, sys, hashlib, os',
    `fd = os.open("${mapped}", os.O_RDONLY)`,
    `m = mmap.mmap(fd, ${size}, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)`,
    'os.close(fd)',
    'm[4096:4099] = b"new"; sum(m[::4096]); pid = os.fork()',
    'if pid == 0: m[8192:8197] = b"child"',
    'os.write(1, b"ready\\n")',
    'if pid == 0: sys.stdin.readline()',
    // One write(2) a line, whatever PYTHONUNBUFFERED says: the two print at the same time.
    'line = f"{m[4096:4100]} {m[8192:8198]} {m[4194304:4194306]} {hashlib.md5(m).hexdigest()}\\n"',
    'os.write(1, line.encode())',
    'if pid: os.waitpid(pid, 0)',
  ].join('\n');
  const ordered = (text: string): string[] =>
    text
      .split('\n')
      .filter((l) => l.startsWith("b'"))
      .sort();
  const natively = execFileSync(PYTHON, ['-c', script], { input: '\n' }).toString();
  kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
  const guest = kernel.spawn(PYTHON, ['-c', script]);
  const output = new Output(guest);
  while ((output.text.match(/ready/g) ?? []).length < 2) await sleep(10);
  await sleep(300);
  await kernel.pause();
  await kernel.saveTo(file);
  const before = output.text;
  await kernel.close();
  expect(statSync(file).size).toBeLessThan(40 << 20);
  expect(ordered(before + (await goOnElsewhere(file, '\n')).output)).toEqual(ordered(natively));
});

(gcc ? test : test.skip)('a GS base that a program chose is there again', async () => {
  const program = compile('gs', folder);
  const natively = execFileSync(program, ['wait'], { input: '\n' }).toString();
  kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
  const guest = kernel.spawn(program, ['wait']);
  const output = new Output(guest);
  await output.until('ready');
  await kernel.pause();
  await kernel.saveTo(file);
  const before = output.text;
  await kernel.close();
  expect(before + (await goOnElsewhere(file, '\n')).output).toBe(natively);
});

describe('K24: loadFrom', () => {
  test('refuses a bind mount that is gone by its path, before anything runs', async () => {
    const source = join(folder, 'bound');
    mkdirSync(source);
    const binds = [{ source, target: '/bound', readOnly: false }];
    kernel = await Kernel.boot({ shards: 1, logLevel: 'error', binds });
    const guest = kernel.spawn('sh', ['-c', 'echo ready; read line; echo ran >/bound/ran']);
    await new Output(guest).until('ready');
    await kernel.pause();
    await kernel.saveTo(file);
    await kernel.close();
    renameSync(source, `${source}.moved`);
    const refused = await Kernel.loadFrom(file).catch((e: unknown) => e);
    expect(refused).toMatchObject({ name: 'KernelError', code: 'CannotLoad' });
    expect((refused as Error).message).toContain(source);
    expect(existsSync(join(`${source}.moved`, 'ran'))).toBe(false);
    renameSync(`${source}.moved`, source);
    expect((await goOnElsewhere(file, '\n')).code).toBe(0);
    expect(readFileSync(join(source, 'ran'), 'latin1')).toBe('ran\n');
  });

  test('of a kernel that was made in steps: process 1, its root, and what init set are there again', async () => {
    kernel = await Kernel.create({ shards: 1, logLevel: 'error' });
    await kernel.init({ ...INIT, rootUtsNamespace: { hostname: 'stage' } });
    await kernel.setRootMountNamespace({ tmpfs: ['/scratch'] });
    const script = 'echo ready; read line; echo "$$ on $(uname -n), $(nproc) CPUs"; exit 4';
    const init = await kernel.createProcess({ argv: ['/bin/sh', '-c', script] });
    const output = new Output(init);
    await kernel.start();
    await output.until('ready');
    await kernel.pause();
    await kernel.saveTo(file);
    const root = await kernel.rootMountNamespace();
    await kernel.close();
    const loaded = await Kernel.loadFrom(file);
    try {
      expect(await loaded.globalInit()).toMatchObject({ pid: 1 });
      expect(await loaded.applicationCores()).toBe(2);
      expect(await loaded.rootMountNamespace()).toEqual(root);
      await expect(loaded.start()).rejects.toMatchObject({ code: 'AlreadyStarted' });
      const [again] = loaded.processes;
      if (!again) throw new Error('no process');
      const text = new Output(again);
      await loaded.unpause();
      again.stdin?.end('\n');
      expect((await again.completed).exitCode).toBe(4);
      expect(await text.all()).toBe('1 on stage, 2 CPUs\n');
      await loaded.waitExited();
    } finally {
      await loaded.close();
    }
  });
});

test('K39: saving and loading log the time and the size of each phase', () => {
  const script = `
    import { Kernel } from 'troupe';
    const kernel = await Kernel.boot({ shards: 1, logLevel: 'info' });
    kernel.spawn('sleep', ['100']);
    await kernel.pause();
    await kernel.saveTo(${JSON.stringify(file)});
    await kernel.close();
    const loaded = await Kernel.loadFrom(${JSON.stringify(file)});
    await loaded.close();`;
  const lines = logLinesOf(script);
  const phases = (what: string) => lines.filter((l) => l.msg === what);
  expect(phases('save').map((l) => l.phase)).toEqual(['files', 'state', 'memory']);
  expect(phases('load').map((l) => l.phase)).toEqual(['state', 'memory']);
  for (const line of [...phases('save'), ...phases('load')]) {
    expect(line.ms).toBeGreaterThan(0);
    if (line.phase !== 'files') expect(line.bytes).toBeGreaterThan(1000);
  }
  const total = phases('save').reduce((sum, l) => sum + l.bytes, 0);
  expect(total).toBeLessThanOrEqual(statSync(file).size);
  expect(total).toBeGreaterThan(statSync(file).size / 2);
});

test('K40: unique ids, inotify cookies and netlink ports go on where they were', async () => {
  kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
  const [id, cookie] = [await kernel.uniqueId(), await kernel.generateInotifyCookie()];
  const port = await kernel.netlinkPorts.allocate(0, 77);
  expect(port).toBe(77);
  await kernel.setExitError(new Error('the first'));
  await kernel.pause();
  await kernel.saveTo(file);
  const loaded = await Kernel.loadFrom(file);
  try {
    expect(await loaded.uniqueId()).toBe(id + 1n);
    expect(await loaded.generateInotifyCookie()).toBe(cookie + 1);
    expect(await loaded.netlinkPorts.allocate(0, 77)).not.toBe(77);
    expect(await loaded.exitError()).toMatchObject({ message: 'the first' });
  } finally {
    await loaded.close();
  }
});

test('onProgress tells how far saving and loading are, up to the end of each', async () => {
  kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
  const script = 'b = bytearray(range(256)) * (1 << 19); print("ready", flush=True); input()';
  const guest = kernel.spawn(PYTHON, ['-c', script]);
  await new Output(guest).until('ready');
  await kernel.pause();
  const saving: SaveProgress[] = [];
  await kernel.saveTo(file, { onProgress: (progress) => saving.push(progress) });
  const loading: SaveProgress[] = [];
  const loaded = await Kernel.loadFrom(file, { onProgress: (progress) => loading.push(progress) });
  await loaded.close();
  for (const told of [saving, loading]) {
    const last = told.at(-1);
    expect(last?.phase).toBe('memory');
    expect(last?.done).toBe(last?.total);
    expect(last?.total).toBeGreaterThan(128 << 20);
    const inMemory = told.filter((p) => p.phase === 'memory').map((p) => p.done);
    expect(inMemory).toEqual([...inMemory].sort((a, b) => a - b));
    expect(inMemory.every((done) => done <= (last?.total ?? 0))).toBe(true);
  }
  await expect(kernel.saveTo(file, { onProgress: 1 as never })).rejects.toThrow(
    /onProgress: must be a function/,
  );
});
