/** K7: what a process is made in answers for the process to be, though none runs yet. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type CreateProcessOptions, hostFeatureSet, Kernel, type Process } from 'troupe';
import { Output } from './support/saved.js';

let kernel: Kernel;
beforeEach(async () => {
  kernel = await Kernel.create({ shards: 1, logLevel: 'error' });
  await kernel.init({
    featureSet: hostFeatureSet(),
    timekeeper: { clock: 'real' },
    rootUserNamespace: { owner: 0, group: 0 },
    applicationCores: 2,
    rootUtsNamespace: { hostname: 'stage' },
  });
  await kernel.setRootMountNamespace({ tmpfs: ['/scratch'] });
});
afterEach(() => kernel.close());

const sh = (script: string): CreateProcessOptions => ({ argv: ['/bin/sh', '-c', script] });
const outputOf = (process: Process): Promise<string> => new Output(process).all();

/** Runs as process 1 before the others are made. */
async function prepare(script: string): Promise<void> {
  const init = await kernel.createProcess(sh(`${script}; echo done; sleep 1000`));
  const output = new Output(init);
  await kernel.start();
  await output.until('done');
}

describe('K7: the context that a process is created in', () => {
  test('has its credentials: what it may not execute cannot be started, though the embedder is root', async () => {
    await prepare('cp /bin/true /scratch/secret; chmod 700 /scratch/secret');
    const argv = ['/scratch/secret'];
    const credentials = { uid: 1234, gid: 1234 };
    await expect(kernel.createProcess({ argv, credentials })).rejects.toMatchObject({ code: 'EACCES' });
    expect((await (await kernel.createProcess({ argv })).completed).exitCode).toBe(0);
  });

  test('has its root and working directory: of the kernel, not of the embedder', async () => {
    await prepare(
      'mkdir /scratch/place; cp /bin/true /scratch/place/program; ln -s /scratch/place /scratch/link',
    );
    const workingDirectory = '/scratch/link';
    const relative = { filename: './program', argv: ['program'], workingDirectory };
    expect((await (await kernel.createProcess(relative)).completed).exitCode).toBe(0);
    const elsewhere = { ...relative, workingDirectory: '/scratch' };
    await expect(kernel.createProcess(elsewhere)).rejects.toMatchObject({ code: 'ENOENT' });
    const where = kernel.createProcess({ ...sh('pwd -P; readlink /proc/self/root'), workingDirectory });
    expect(await outputOf(await where)).toBe('/scratch/place\n/\n');
  });

  test('has its limits: an argument list may take a quarter of the stack', async () => {
    await prepare(':');
    const argv = ['/bin/echo', ...Array<string>(3).fill('x'.repeat(100_000))];
    const stack = { soft: 1 << 20, hard: 1 << 20 };
    await expect(kernel.createProcess({ argv, limits: { stack } })).rejects.toMatchObject({ code: 'E2BIG' });
    expect((await outputOf(await kernel.createProcess({ argv }))).length).toBe(300_003);
  });

  test('has the root PID namespace, the UTS namespace and the clock of the kernel', async () => {
    await prepare(':');
    const guest = await kernel.createProcess(sh('echo $$ $PPID; uname -n; ls -d /proc/1; date +%s'));
    const [numbers, name, init, seconds] = (await outputOf(guest)).split('\n');
    expect([numbers, name, init]).toEqual([`${guest.pid} 0`, 'stage', '/proc/1']);
    const now = await kernel.realtimeClock();
    expect(Math.abs(Number(now / 1_000_000_000n) - Number(seconds))).toBeLessThan(60);
  });

  test('draws on the counters of the kernel: each process has ids that no other had', async () => {
    await prepare(':');
    const before = await kernel.uniqueId();
    const guests = await Promise.all(Array.from({ length: 5 }, () => kernel.createProcess(sh('true'))));
    expect(new Set(guests.map((g) => g.pid)).size).toBe(5);
    expect(await kernel.uniqueId()).toBeGreaterThan(before);
  });
});
