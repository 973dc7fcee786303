/** Pausing real guests: KERNEL.md K12, K13, and what stands still meanwhile. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Kernel, type Process } from 'troupe';
import { descendantsOf } from './support/descendants.js';

let kernel: Kernel;
beforeEach(async () => {
  kernel = await Kernel.boot({ shards: 2 });
});
afterEach(() => kernel.close());

/** The output so far, and a promise of the next piece. */
function watch(p: Process) {
  const seen = { text: '' };
  p.stdout?.on('data', (chunk: Buffer) => (seen.text += chunk.toString()));
  return {
    seen,
    next: () => new Promise<void>((resolve) => p.stdout?.once('data', () => resolve())),
  };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Clock ticks of user and system time that the stubs have used; a tick is 10 ms. */
function stubTicks(): number {
  let ticks = 0;
  for (const pid of descendantsOf(process.pid)) {
    try {
      for (const tid of readdirSync(`/proc/${pid}/task`)) {
        const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        ticks += Number(fields[11]) + Number(fields[12]);
      }
    } catch {
      // It has ended.
    }
  }
  return ticks;
}

const COUNTER = 'i=0; while :; do i=$((i+1)); [ $((i % 2000)) = 0 ] && echo $i; done';

describe('K12: pause', () => {
  test('freezes guests that compute, sleep and write to a pipe; unpause continues all', async () => {
    const counting = kernel.spawn('sh', ['-c', COUNTER]);
    const sleeping = kernel.spawn('sh', ['-c', 'while :; do sleep 0.02; echo tick; done']);
    const piping = kernel.spawn('sh', ['-c', 'yes | head -c 2000000000 | cat >/dev/null']);
    const watched = [counting, sleeping].map(watch);
    await Promise.all(watched.map((w) => w.next()));
    await kernel.pause();
    await sleep(50);
    const before = watched.map((w) => w.seen.text);
    const ticks = stubTicks();
    const own = process.cpuUsage();
    await sleep(500);
    expect(stubTicks()).toBe(ticks);
    const { user, system } = process.cpuUsage(own);
    // Of half a second, by all threads of the kernel and the test together.
    expect((user + system) / 1000).toBeLessThan(150);
    expect(watched.map((w) => w.seen.text)).toEqual(before);
    expect(piping.exitCode).toBe(null);
    const more = watched.map((w) => w.next());
    await kernel.unpause();
    await Promise.all(more);
    await kernel.kill(0);
    await kernel.waitExited();
  });

  test('holds what is spawned meanwhile; spawn itself does not wait', async () => {
    await kernel.pause();
    const p = kernel.spawn('echo', ['late']);
    const { seen } = watch(p);
    await new Promise((resolve) => p.on('spawn', resolve));
    await sleep(100);
    expect(seen.text).toBe('');
    await kernel.unpause();
    expect(await p.completed).toMatchObject({ exitCode: 0 });
    await new Promise((resolve) => p.on('close', resolve));
    expect(seen.text).toBe('late\n');
  });

  test('nests, and an unpause too many is NotPaused (K13)', async () => {
    const p = kernel.spawn('true');
    await kernel.pause();
    await kernel.pause();
    await kernel.unpause();
    await sleep(50);
    expect(p.exitCode).toBe(null);
    await kernel.unpause();
    expect(await p.completed).toMatchObject({ exitCode: 0 });
    await expect(kernel.unpause()).rejects.toMatchObject({ name: 'KernelError', code: 'NotPaused' });
  });

  test('timers do not act during it: a sleeper and an alarm are late', async () => {
    const p = kernel.spawn('perl', [
      '-e',
      '$| = 1; $SIG{ALRM} = sub { print "alarm\\n"; exit 0 }; print "set\\n"; alarm 1; sleep 100 while 1',
    ]);
    const { seen, next } = watch(p);
    await next();
    await kernel.pause();
    await sleep(1500);
    expect(seen.text).toBe('set\n');
    await kernel.unpause();
    expect(await p.completed).toMatchObject({ exitCode: 0 });
  });

  test('does not hold off a kill, of one or of all (K11)', async () => {
    const [one, two] = [0, 1].map(() => kernel.spawn('sleep', ['100'])) as [Process, Process];
    await Promise.all([one, two].map((p) => new Promise((resolve) => p.on('spawn', resolve))));
    await kernel.pause();
    one.kill('SIGKILL');
    expect(await one.completed).toMatchObject({ signal: 'SIGKILL' });
    await kernel.kill(3);
    expect(await two.completed).toMatchObject({ exitCode: 3 });
    await kernel.waitExited();
  });

  test('a signal that comes during it is taken after it', async () => {
    const p = kernel.spawn('sh', ['-c', 'trap "echo got it; exit 3" TERM; echo ready; while :; do :; done']);
    const { seen, next } = watch(p);
    await next();
    await kernel.pause();
    p.kill('SIGTERM');
    await sleep(100);
    expect(seen.text).toBe('ready\n');
    await kernel.unpause();
    expect(await p.completed).toMatchObject({ exitCode: 3 });
  });

  test('ends with the kernel', async () => {
    const p = kernel.spawn('sh', ['-c', 'while :; do :; done']);
    await new Promise((resolve) => p.on('spawn', resolve));
    await kernel.pause();
    await kernel.close();
    await expect(p.completed).rejects.toMatchObject({ code: 'ECLOSED' });
  });
});
