/** What of the kernel's state is saved, and in which order: KERNEL.md K18, K19, K21, K23. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Kernel, type KernelOptions, type SaveProgress } from 'troupe';
import { Kind } from '../../src/actors/save/frames.js';
import { framesOf, objectsOf } from './support/image.js';
import { logLinesOf } from './support/log-lines.js';
import { plainEnvironment } from './support/run.js';
import { goOnElsewhere, Output } from './support/saved.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('save-state');
const PYTHON = '/usr/bin/python3';
const scripts = join(import.meta.dirname ?? join(process.cwd(), 'test/guest'), 'scripts');
const scriptOf = (name: string): string => readFileSync(join(scripts, name), 'utf8');
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let kernel: Kernel;
let files = 0;
let file: string;
beforeEach(() => {
  file = join(folder, `kernel-${files++}`);
});
afterEach(() => kernel.close());

const boot = async (options: KernelOptions = {}): Promise<void> => {
  kernel = await Kernel.boot({ shards: 1, logLevel: 'error', ...options });
};

/** Runs until it says that it is ready and waits for a line; what it said, and the paused kernel saved. */
async function saveWaiting(command: string, args: readonly string[]): Promise<Output> {
  // Root in the sandbox, whoever runs the tests: they mount, and link what is not theirs.
  const guest = kernel.spawn(command, [...args], { user: { uid: 0, gid: 0 } });
  const output = new Output(guest);
  const ended = guest.completed.then(() => {
    throw new Error(`it ended: ${output.text}`);
  });
  ended.catch(() => {});
  await Promise.race([output.until('ready\n'), ended]);
  // Everybody waits by then.
  await sleep(200);
  await kernel.pause();
  await kernel.saveTo(file);
  return output;
}

test('K18: epoll sets and who waits on them go on where they were, here and elsewhere', async () => {
  const script = scriptOf('epoll-kept.py');
  const natively = execFileSync(PYTHON, ['-c', script], { input: '\n', env: plainEnvironment() }).toString();
  expect(natively).toContain("an edge that was not reported yet is: ['level', 'pending']");
  await boot();
  const output = await saveWaiting(PYTHON, ['-c', script]);
  const before = output.text;
  await kernel.unpause();
  output.process.stdin?.end('\n');
  expect(await output.all()).toBe(natively);
  const elsewhere = await goOnElsewhere(file, '\n');
  expect(before + elsewhere.output).toBe(natively);
  expect(elsewhere.code).toBe(0);
});

describe('K19: names that are only cached', () => {
  /** How many objects a kernel is saved with whose only guest did this. */
  const objects = async (script: string): Promise<number> => {
    await boot();
    try {
      await saveWaiting('sh', ['-c', `${script}; echo ready; read line`]);
      return objectsOf(file).length;
    } finally {
      await kernel.close();
      rmSync(file);
    }
  };

  test('are not saved: what they meant is looked up anew where a kernel is loaded', async () => {
    const tree = join(folder, 'tree');
    mkdirSync(tree);
    writeFileSync(join(tree, 'old'), 'old\n');
    await boot();
    // The root of the sandbox lies over the host's: its names are cached, those that are absent too.
    const look = `cat old 2>/dev/null || echo no old; cat new 2>/dev/null || echo no new`;
    const script = `cd ${tree}; (${look}); cd /; echo ready; read line; cd ${tree}; ${look}`;
    const output = await saveWaiting('sh', ['-c', script]);
    expect(output.text).toBe('old\nno new\nready\n');
    await kernel.close();
    // Other files in another directory, by the same names.
    renameSync(tree, `${tree}.moved`);
    mkdirSync(tree);
    for (const name of ['old', 'new']) writeFileSync(join(tree, name), `another ${name}\n`);
    expect((await goOnElsewhere(file, '\n')).output).toBe('another old\nanother new\n');
  });

  test('cost a saved kernel nothing, however many', async () => {
    const many = join(folder, 'many');
    mkdirSync(many);
    for (let i = 0; i < 2_000; i++) writeFileSync(join(many, `a-rather-long-name-of-a-file-${i}`), '');
    const look = `ls -l ${many} | wc -l`;
    expect((await objects(look)) - (await objects(':'))).toBeLessThan(200);
  });

  test('nor do mounts that are gone', async () => {
    const fill = 'cd /tmp/m; for i in $(seq 500); do : >$i; done; cd /';
    const script = `mkdir /tmp/m; mount -t tmpfs none /tmp/m; ${fill}; umount /tmp/m || exit`;
    expect((await objects(script)) - (await objects(':'))).toBeLessThan(200);
  });
});

test('K21: an inode is the same file after loading: by descriptors, by all its names, on the host', async () => {
  const shared = join(folder, 'shared');
  mkdirSync(shared);
  await boot({ binds: [{ source: shared, target: '/shared', readOnly: false }] });
  await saveWaiting(PYTHON, ['-c', scriptOf('inodes-kept.py'), '/shared']);
  await kernel.close();
  const { output, code } = await goOnElsewhere(file, '\n');
  expect(output.split('\n')).toEqual([
    'the same inodes: True',
    "one file by its descriptor and both its names: True 'second\\n'",
    "one file by its descriptor and both its names: True 'second\\n'",
    "moved: 'written\\n'",
    "unlinked: b'unlinked\\n' 0",
    '',
  ]);
  expect(code).toBe(0);
  expect(readFileSync(join(shared, 'file-linked'), 'latin1')).toBe('second\n');
  expect(readFileSync(join(shared, 'moved-away'), 'latin1')).toBe('written\n');
});

describe('K23: state, then memory', () => {
  test('in this order: what it is, state, memory; and so it is told', async () => {
    await boot();
    const phases: SaveProgress['phase'][] = [];
    const guest = kernel.spawn('sh', ['-c', 'echo ready; read line']);
    await new Output(guest).until('ready');
    await kernel.pause();
    await kernel.saveTo(file, { onProgress: ({ phase }) => phases.push(phase) });
    const told = phases.filter((phase, i) => phase !== phases[i - 1]);
    expect(told.at(-1)).toBe('memory');
    expect(told).toEqual(
      ['files', 'state', 'memory'].filter((p) => told.includes(p as SaveProgress['phase'])),
    );
    const kinds = [...framesOf(file)].map((frame) => frame.kind);
    const order = kinds.filter((kind, i) => kind !== kinds[i - 1]);
    const state = order.includes(Kind.BYTES) ? [Kind.BYTES, Kind.GRAPH] : [Kind.GRAPH];
    expect(order).toEqual([Kind.DESCRIPTION, ...state, Kind.PAGES, Kind.SHARD_END, Kind.END]);
  });

  test('the log has statistics of the state: of how many objects, of which classes', () => {
    const script = `
      import { Kernel } from 'troupe';
      const kernel = await Kernel.boot({ shards: 1, logLevel: 'debug' });
      const script = 'import os; p = [os.pipe() for _ in range(100)]; print("ready", flush=True); input()';
      const guest = kernel.spawn(${JSON.stringify(PYTHON)}, ['-c', script]);
      await new Promise((resolve) => guest.stdout.once('data', resolve));
      await kernel.pause();
      await kernel.saveTo(${JSON.stringify(file)});
      await kernel.close();
      const loaded = await Kernel.loadFrom(${JSON.stringify(file)}, { logLevel: 'debug' });
      await loaded.close();`;
    const lines = logLinesOf(script);
    const objects = objectsOf(file);
    for (const what of ['save', 'load']) {
      const counted = lines.filter((l) => l.msg === what && l.phase === 'state').map((l) => l.objects);
      expect(counted).toEqual([objects.length]);
      const classes = lines.find((l) => l.msg === `${what}: state`)?.objects;
      // Both ends of each, beside those of its standard streams.
      expect(classes.PipeFile).toBeGreaterThanOrEqual(200);
      expect(Object.values<number>(classes).reduce((sum, n) => sum + n, 0)).toBe(objects.length);
    }
  });
});
