/** Saving real guests and going on with them in another process: KERNEL.md K15–K24, K37, K40. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Kernel, KernelError } from 'troupe';
import { plainEnvironment, which } from './support/run.js';
import { goOnElsewhere, Output, seeded } from './support/saved.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('save');
const scripts = join(import.meta.dirname ?? join(process.cwd(), 'test/guest'), 'scripts');
const PYTHON = '/usr/bin/python3';
const SEED = Number(process.env['TROUPE_SEED'] ?? 1);

let kernel: Kernel;
let files = 0;
let file: string;
beforeEach(async () => {
  kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
  file = join(folder, `kernel-${files++}`);
});
afterEach(() => kernel.close());

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function errorOf(promise: Promise<unknown>): Promise<KernelError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof KernelError)) throw new Error(`no KernelError, but ${String(error)}`);
  return error;
}

/** A guest that waits for a line, in a file; the kernel is closed. */
async function savedWaiting(): Promise<void> {
  const waiting = kernel.spawn('sh', ['-c', 'echo ready; read line; echo "read $line"']);
  await new Output(waiting).until('ready');
  await kernel.pause();
  await kernel.saveTo(file);
  await kernel.close();
}

describe('K15: saveTo', () => {
  test('of a kernel that is not paused is an error', async () => {
    kernel.spawn('sleep', ['10']);
    expect((await errorOf(kernel.saveTo(file))).code).toBe('NotPaused');
    expect(existsSync(file)).toBe(false);
  });

  test('takes its turn when it is called, into a file and into a stream', async () => {
    const guest = kernel.spawn('sh', ['-c', 'read line']);
    const outcomes = await Promise.allSettled([
      kernel.saveTo(file),
      kernel.pause(),
      new Promise((resolve) => setTimeout(resolve, 300)),
    ]);
    expect(outcomes.map((o) => o.status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    const discarded = new Writable({ write: (_chunk, _encoding, done) => done() });
    await Promise.all([kernel.saveTo(file), kernel.saveTo(discarded), kernel.unpause()]);
    await expect(kernel.saveTo(file)).rejects.toMatchObject({ code: 'NotPaused' });
    guest.stdin?.end();
    expect((await guest.completed).signal).toBe(null);
  });

  test('leaves the kernel paused, and it goes on afterwards as if nothing had been', async () => {
    const shell = kernel.spawn('sh', ['-c', 'echo ready; read line; sleep 0.1; echo "read $line"; exit 3']);
    const output = new Output(shell);
    await output.until('ready');
    await kernel.pause();
    await kernel.saveTo(file);
    await kernel.unpause();
    shell.stdin?.end('more\n');
    expect((await shell.completed).exitCode).toBe(3);
    expect(await output.all()).toBe('ready\nread more\n');
  });

  test('and loadFrom take streams', async () => {
    const shell = kernel.spawn('sh', ['-c', 'echo ready; read line; echo "read $line"']);
    await new Output(shell).until('ready');
    await kernel.pause();
    await kernel.saveTo(createWriteStream(file));
    const loaded = await Kernel.loadFrom(createReadStream(file));
    try {
      const [again] = loaded.processes;
      if (!again) throw new Error('no process');
      const output = new Output(again);
      await loaded.unpause();
      again.stdin?.end('it\n');
      expect((await again.completed).exitCode).toBe(0);
      expect(await output.all()).toBe('read it\n');
    } finally {
      await loaded.close();
    }
  });

  (which('strace') ? test : test.skip)('names what cannot be saved: a process that is traced', async () => {
    const traced = kernel.spawn('strace', ['-o', '/dev/null', 'sh', '-c', 'echo ready; read line']);
    await new Output(traced).until('ready');
    await kernel.pause();
    const error = await errorOf(kernel.saveTo(file));
    expect(error.code).toBe('CannotSave');
    expect(error.message).toMatch(/trace/i);
    expect(existsSync(file)).toBe(false);
  });
});

describe('K24: loadFrom', () => {
  test('one of everything is as it was, in another process', async () => {
    const script = readFileSync(join(scripts, 'kept.py'), 'utf8');
    const natively = execFileSync(PYTHON, ['-c', script], { input: '\n', env: plainEnvironment() });
    const guest = kernel.spawn(PYTHON, ['-c', script]);
    const output = new Output(guest);
    await output.until('ready');
    await kernel.pause();
    await kernel.saveTo(file);
    await kernel.unpause();
    // The saved kernel goes on too, and finds everything as well.
    guest.stdin?.end('\n');
    expect((await guest.completed).exitCode).toBe(0);
    expect((await output.all()).split('\n')).toEqual(natively.toString('latin1').split('\n'));
    const elsewhere = await goOnElsewhere(file, '\n');
    expect(`ready\n${elsewhere.output}`.split('\n')).toEqual(natively.toString('latin1').split('\n'));
    expect(elsewhere.code).toBe(0);
  });

  test('a file that was truncated, altered, or is none is refused before anything runs', async () => {
    await savedWaiting();
    const whole = readFileSync(file);
    const broken = join(folder, 'broken');
    const refusal = async (bytes: Uint8Array): Promise<string> => {
      writeFileSync(broken, bytes);
      const error = await errorOf(Kernel.loadFrom(broken));
      expect(error.code).toBe('BrokenImage');
      return error.message;
    };
    for (const part of [0.1, 0.5, 0.999]) {
      expect(await refusal(whole.subarray(0, Math.floor(whole.length * part)))).toMatch(/truncated/);
    }
    const random = seeded(SEED);
    for (let i = 0; i < 5; i++) {
      const altered = Buffer.from(whole);
      const at = Math.floor(random() * whole.length);
      altered[at] = (altered[at] ?? 0) ^ 0x10;
      await refusal(altered);
    }
    expect(await refusal(Buffer.from('something else, which is long enough'))).toMatch(/not a saved kernel/);
    expect(await refusal(Buffer.alloc(0))).toMatch(/not a saved kernel/);
  });

  test('a file of the host that was changed meanwhile is refused by its name', async () => {
    const program = join(folder, 'program');
    writeFileSync(program, readFileSync('/bin/cat'), { mode: 0o755 });
    const cat = kernel.spawn(program, []);
    const output = new Output(cat);
    cat.stdin?.write('ready\n');
    await output.until('ready');
    await kernel.pause();
    await kernel.saveTo(file);
    await kernel.close();
    writeFileSync(program, Buffer.concat([readFileSync('/bin/cat'), Buffer.from('more')]));
    const error = await errorOf(Kernel.loadFrom(file));
    expect(error.code).toBe('CannotLoad');
    expect(error.message).toContain(program);
  });

  test('troupe restore lets a saved kernel go on, and ends as it does', async () => {
    const shell = kernel.spawn('sh', ['-c', 'echo ready; read line; echo "read $line"; exit 5']);
    await new Output(shell).until('ready');
    await kernel.pause();
    await kernel.saveTo(file);
    await kernel.close();
    const cli = join(process.cwd(), 'dist/cli/main.js');
    const { status, stdout } = spawnSync(process.execPath, [cli, 'restore', file], { input: 'it\n' });
    expect({ status, text: stdout.toString() }).toEqual({ status: 5, text: 'read it\n' });
    expect(spawnSync(process.execPath, [cli, 'restore']).status).not.toBe(0);
  });

  test('a kernel that was paused several times is loaded paused once', async () => {
    const guest = kernel.spawn('sh', ['-c', 'echo ready; read line; sleep 0.01; exit 5']);
    await new Output(guest).until('ready');
    await Promise.all([kernel.pause(), kernel.pause(), kernel.pause()]);
    await kernel.createProcess({ argv: ['/bin/true'], stdio: 'ignore' });
    await kernel.saveTo(file);
    await kernel.close();
    expect((await goOnElsewhere(file, '\n')).code).toBe(5);
  });

  test('a loaded kernel is paused', async () => {
    await savedWaiting();
    const loaded = await Kernel.loadFrom(file);
    try {
      const [again] = loaded.processes;
      if (!again) throw new Error('no process');
      const output = new Output(again);
      again.stdin?.end('later\n');
      await sleep(200);
      expect(output.text).toBe('');
      await loaded.unpause();
      await again.completed;
      expect(await output.all()).toBe('read later\n');
    } finally {
      await loaded.close();
    }
  });

  test('one that was paused several times is paused once', async () => {
    const guest = kernel.spawn('sh', [
      '-c',
      'echo ready; (sleep 0.1; exit 3); echo "slept $?"; read line; exit 5',
    ]);
    await new Output(guest).until('ready');
    await kernel.pause();
    await kernel.pause();
    await kernel.pause();
    await kernel.saveTo(file);
    await kernel.close();
    const { output, code } = await goOnElsewhere(file, '\n');
    expect({ output, code }).toEqual({ output: 'slept 3\n', code: 5 });
  });

  test('sleepers sleep what was left, or what is left now', async () => {
    const guest = kernel.spawn('sh', ['-c', 'echo ready; sleep 3; echo slept']);
    await new Output(guest).until('ready');
    // Under way by then, also on a busy machine.
    await sleep(800);
    await kernel.pause();
    await kernel.saveTo(file);
    await kernel.close();
    await sleep(1500);
    const slept = async (sleepers: 'keep' | 'elapse'): Promise<number> => {
      const loaded = await Kernel.loadFrom(file, { sleepers });
      const start = performance.now();
      await loaded.unpause();
      await Promise.all(loaded.processes.map((p) => p.completed));
      const took = performance.now() - start;
      await loaded.close();
      return took;
    };
    expect(await slept('elapse')).toBeLessThan(1400);
    expect(await slept('keep')).toBeGreaterThan(1500);
  });

  test('K40: numbers go on where they were', async () => {
    const guest = kernel.spawn('sh', ['-c', 'true & wait; echo ready; read line; true & echo $!']);
    const output = new Output(guest);
    await output.until('ready');
    await kernel.pause();
    await kernel.saveTo(file);
    await kernel.unpause();
    guest.stdin?.end('\n');
    await guest.completed;
    const there = (await output.all()).split('\n')[1];
    expect((await goOnElsewhere(file, '\n')).output).toBe(`${there}\n`);
  });
});

describe('K37: memory', () => {
  test('256 MiB are saved and loaded; pages that nobody touched are left out', async () => {
    const program =
      'import sys, mmap, hashlib\n' +
      'untouched = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n' +
      'b = bytearray(range(256)) * (1 << 20)\n' +
      'for i in range(0, len(b), 4096): b[i:i+8] = i.to_bytes(8, "little")\n' +
      'print("ready", flush=True); sys.stdin.readline(); print(hashlib.md5(b).hexdigest())\n';
    const natively = execFileSync(PYTHON, ['-c', program], { input: '\n' }).toString().split('\n')[1];
    const guest = kernel.spawn(PYTHON, ['-c', program]);
    await new Output(guest).until('ready');
    await kernel.pause();
    const start = performance.now();
    await kernel.saveTo(file);
    const took = performance.now() - start;
    const { size } = statSync(file);
    await kernel.close();
    expect((await goOnElsewhere(file, '\n')).output).toBe(`${natively}\n`);
    expect(size).toBeGreaterThan(256 << 20);
    expect(size).toBeLessThan(300 << 20);
    // A third of a second here, on a quiet machine.
    expect(took).toBeLessThan(10_000);
  });

  test('is compressed where that is asked for', async () => {
    const program = 'b = b"compress me" * 1000000; print("ready", flush=True); input()';
    const guest = kernel.spawn(PYTHON, ['-c', program]);
    await new Output(guest).until('ready');
    await kernel.pause();
    await kernel.saveTo(file, { compress: true });
    expect(statSync(file).size).toBeLessThan(8 << 20);
    await kernel.close();
    expect((await goOnElsewhere(file, '\n')).code).toBe(0);
  });
});
