/** Time as an embedder holds it: stopped, resumed, read; the CPU clock. */
import { afterEach, expect, test } from '@jest/globals';
import { Kernel, OptionsError, type Process } from 'troupe';
import { which } from './support/run.js';

let kernel: Kernel | undefined;
afterEach(async () => {
  await kernel?.close();
  kernel = undefined;
});

const python = which('python3') ? test : test.skip;
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves with the program's next line. */
function lines(p: Process): () => Promise<string> {
  let text = '';
  let wake = (): void => {};
  p.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    wake();
  });
  return async () => {
    for (;;) {
      const end = text.indexOf('\n');
      if (end >= 0) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        return line;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}

test('K26: pauseTime holds sleepers and monotonic time; resumeTime lets both go on with no jump', async () => {
  kernel = await Kernel.boot({ shards: 2 });
  const sleepers = [0, 1].map(
    () => kernel?.spawn('sh', ['-c', 'echo sleeping; sleep 0.3; echo woke']) as Process,
  );
  const next = sleepers.map(lines);
  for (const line of next) expect(await line()).toBe('sleeping');
  await kernel.pauseTime();
  await kernel.pauseTime();
  const [stood, wall] = [await kernel.monotonicClock(), await kernel.realtimeClock()];
  let woke = 0;
  const waking = next.map(async (line) => {
    expect(await line()).toBe('woke');
    woke++;
  });
  await pass(1000);
  expect(woke).toBe(0);
  expect(await kernel.monotonicClock()).toBe(stood);
  expect((await kernel.realtimeClock()) - wall).toBeGreaterThanOrEqual(999_000_000n);
  await kernel.resumeTime();
  const after = await kernel.monotonicClock();
  expect(after).toBeGreaterThanOrEqual(stood);
  await Promise.all(waking);
  await Promise.all(sleepers.map((p) => p.completed));
  expect((await kernel.monotonicClock()) - after).toBeLessThan(60_000_000_000n);
});

python('a guest that runs while time stands sees it stand, and never go back', async () => {
  kernel = await Kernel.boot({ shards: 1 });
  const program = `
import select, sys, time
def run():
    last, back = time.monotonic_ns(), 0
    while True:
        asked = select.select([sys.stdin], [], [], 0)[0]
        if asked: sys.stdin.readline()
        now = time.monotonic_ns()
        back += now < last
        last = now
        if asked: return now, back
while True:
    print(*run(), flush=True)`;
  const p = kernel.spawn('python3', ['-c', program]);
  const next = lines(p);
  const ask = async (): Promise<bigint> => {
    p.stdin?.write('\n');
    const [now = '', back] = (await next()).split(' ');
    expect(back).toBe('0');
    return BigInt(now);
  };
  const running = await ask();
  await kernel.pauseTime();
  const [first, second] = [await ask(), await ask()];
  expect(first).toBe(second);
  expect(first).toBeGreaterThan(running);
  await kernel.resumeTime();
  expect(await ask()).toBeGreaterThan(first);
  p.kill('SIGKILL');
  await p.completed;
});

test('K26: resumeTime without pauseTime does nothing', async () => {
  kernel = await Kernel.boot({ shards: 1 });
  const before = await kernel.monotonicClock();
  await kernel.resumeTime();
  expect(await kernel.monotonicClock()).toBeGreaterThan(before);
});

test('K9: cpuClockNow counts while guests run, and not while they wait', async () => {
  kernel = await Kernel.boot({ shards: 2 });
  const idle = kernel.spawn('sleep', ['100']);
  await new Promise((resolve) => idle.on('spawn', resolve));
  await pass(500);
  const before = await kernel.cpuClockNow();
  await pass(1000);
  const still = await kernel.cpuClockNow();
  expect(still - before).toBeLessThanOrEqual(5);
  const busy = kernel.spawn('sh', ['-c', 'while :; do :; done']);
  await pass(1000);
  const after = await kernel.cpuClockNow();
  expect(after - still).toBeGreaterThan(20);
  // Never more than one a tick, though there are two shards.
  expect(after - still).toBeLessThan(100 * 60);
  for (const p of [idle, busy]) p.kill('SIGKILL');
  await Promise.all([idle.completed, busy.completed]);
});

test("K34: realtimeClock and nowNanoseconds are the host's wall clock", async () => {
  kernel = await Kernel.boot({ shards: 1 });
  for (const read of [() => kernel?.realtimeClock(), () => kernel?.nowNanoseconds()]) {
    const before = BigInt(Date.now() - 1) * 1_000_000n;
    const now = (await read()) as bigint;
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(BigInt(Date.now() + 1) * 1_000_000n);
  }
});

test("time: 'virtual' refuses more than one shard", async () => {
  await expect(Kernel.boot({ time: 'virtual', shards: 2 })).rejects.toThrow(OptionsError);
  kernel = await Kernel.boot({ time: 'virtual' });
  const before = await kernel.monotonicClock();
  const p = kernel.spawn('sleep', ['3600']);
  expect(await p.completed).toMatchObject({ exitCode: 0 });
  expect((await kernel.monotonicClock()) - before).toBeGreaterThanOrEqual(3_600_000_000_000n);
});
