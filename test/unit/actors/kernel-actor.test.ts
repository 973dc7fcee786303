/** The queue of external operations, with shards that are scripted here. */
import { describe, expect, test } from '@jest/globals';
import { KernelActor } from '../../../src/actors/kernel-actor.js';
import type { Ns } from '../../../src/base/brand.js';
import { silentLog } from '../../../src/base/log.js';
import { Timekeeper } from '../../../src/kernel/time/timekeeper.js';
import type { KernelConfig } from '../../../src/messages/kernel.js';
import type { ProcessSpec, ShardCommand } from '../../../src/messages/shard.js';

const spec: ProcessSpec = {
  command: '/bin/true',
  argv: ['true'],
  envp: [],
  cwd: '/',
  uid: 0,
  gid: 0,
  groups: [],
  stdio: [],
};
const config: KernelConfig = {
  rootfs: '/',
  binds: [],
  tmpfs: [],
  hostname: 'troupe',
  cores: 1,
  shards: 2,
  memoryBytes: 1 << 30,
  placement: 'adaptive',
  inject: [],
  injectSeed: 0,
  maxTasks: 10,
  time: 'real',
  began: { sec: 0, nsec: 0 },
  strace: undefined,
  logLevel: 'silent',
};
/** The shard where processes from outside begin. */
const HOME = 0;
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function kernel(shards = 2) {
  const told: { shard: number; command: ShardCommand }[] = [];
  const refs = Array.from({ length: shards }, (_, shard) => ({
    tell: (command: ShardCommand) => void told.push({ shard, command }),
  }));
  const clock = { hostNs: 0 };
  const keeper = new Timekeeper({
    monotonic: () => clock.hostNs as Ns,
    realtime: () => ({ sec: 100, nsec: clock.hostNs }),
    coarse: () => ({ sec: 0, nsec: 0 }),
  });
  const clocks = { keeper: () => keeper, cpuClock: () => 7 };
  const actor = new KernelActor(refs, HOME, silentLog, config, clocks);
  const idOf = (i: number): number => {
    const command = told[i]?.command;
    return command && 'id' in command ? command.id : -1;
  };
  return { actor, told, idOf, clock };
}

describe('createProcess', () => {
  test('operations take turns: the next begins when the one before has its answer', async () => {
    const { actor, told, idOf } = kernel();
    const first = actor.createProcess(spec);
    const second = actor.createProcess(spec);
    await settle();
    expect(told.length).toBe(1);
    actor.receive({ type: 'created', id: idOf(0), pid: 2, pipes: [] });
    expect(await first).toEqual({ type: 'ok', value: { pid: 2, shard: 0, pipes: [] } });
    await settle();
    expect(told.map((t) => t.shard)).toEqual([HOME, HOME]);
    actor.receive({ type: 'created', id: idOf(1), pid: 3, pipes: [] });
    expect(await second).toMatchObject({ type: 'ok', value: { pid: 3, shard: HOME } });
  });

  test('a failure is an answer too', async () => {
    const { actor, told, idOf } = kernel();
    const made = actor.createProcess(spec);
    await settle();
    actor.receive({ type: 'failed', id: idOf(0), errno: 2, obstacle: 'command', message: 'no such file' });
    expect(await made).toMatchObject({ type: 'error', errno: 2, message: 'no such file' });
    void actor.createProcess(spec);
    await settle();
    expect(told[1]?.shard).toBe(0);
  });

  test('a closed kernel refuses', async () => {
    const { actor } = kernel();
    await actor.destroy();
    expect(await actor.createProcess(spec)).toMatchObject({ type: 'error' });
  });
});

describe('kill and signals', () => {
  test('K11: kill takes its turn and does not wait for the tasks', async () => {
    const { actor, told, idOf } = kernel();
    void actor.createProcess(spec);
    const killed = actor.kill(9);
    await settle();
    expect(told.length).toBe(1);
    actor.receive({ type: 'created', id: idOf(0), pid: 2, pipes: [] });
    await killed;
    expect(told.slice(1).map((t) => t.command)).toEqual([
      { type: 'kill', status: 9 },
      { type: 'kill', status: 9 },
    ]);
  });

  test('a signal goes to the shard of the process; to an unknown one it is ESRCH', async () => {
    const { actor, told, idOf } = kernel();
    const made = actor.createProcess(spec);
    await settle();
    actor.receive({ type: 'created', id: idOf(0), pid: 2, pipes: [] });
    await made;
    const sent = actor.signal(2, 15);
    await settle();
    expect(told[1]).toMatchObject({ shard: 0, command: { type: 'signal', pid: 2, signo: 15 } });
    actor.receive({ type: 'signalled', id: idOf(1), errno: 0 });
    expect(await sent).toMatchObject({ type: 'ok' });
    expect(await actor.signal(99, 15)).toMatchObject({ type: 'error', errno: 3 });
  });
});

test('waitExited resolves when the last process has exited, at once when there is none', async () => {
  const { actor, idOf } = kernel();
  await actor.waitExited();
  const made = actor.createProcess(spec);
  await settle();
  actor.receive({ type: 'created', id: idOf(0), pid: 2, pipes: [] });
  await made;
  let exited = false;
  const waiting = actor.waitExited().then(() => {
    exited = true;
  });
  await settle();
  expect(exited).toBe(false);
  actor.receive({ type: 'exited', shard: 0, pid: 2, status: 0 });
  await waiting;
  expect(exited).toBe(true);
});

test('a shard that broke fails what waits for it', async () => {
  const { actor } = kernel();
  const made = actor.createProcess(spec);
  await settle();
  actor.receive({ type: 'broken', shard: 0, why: 'gone' });
  expect(await made).toMatchObject({ type: 'error', message: 'gone' });
});

describe('pause and unpause', () => {
  test('K12: pause resolves when every shard has stopped, and leaves the queue meanwhile', async () => {
    const { actor, told, idOf } = kernel();
    let paused = false;
    const pausing = actor.pause().then((result) => {
      paused = true;
      return result;
    });
    await settle();
    expect(told.map((t) => t.command.type)).toEqual(['pauseTime', 'pauseTime', 'pause', 'pause']);
    await actor.kill(1);
    actor.receive({ type: 'paused', id: idOf(2) });
    await settle();
    expect(paused).toBe(false);
    actor.receive({ type: 'paused', id: idOf(3) });
    expect(await pausing).toMatchObject({ type: 'ok' });
  });

  test('K13: unpause without a pause is NotPaused; each ends one', async () => {
    const { actor } = kernel(0);
    expect(await actor.unpause()).toMatchObject({ type: 'error', code: 'NotPaused' });
    await actor.pause();
    await actor.pause();
    expect(await actor.unpause()).toMatchObject({ type: 'ok' });
    expect(await actor.unpause()).toMatchObject({ type: 'ok' });
    expect(await actor.unpause()).toMatchObject({ type: 'error', code: 'NotPaused' });
  });

  test('a pause that is ended before all have stopped fails; one that another pause keeps does not', async () => {
    const { actor, told, idOf } = kernel(1);
    const lost = actor.pause();
    await actor.unpause();
    expect(await lost).toMatchObject({ type: 'error', code: 'PauseEnded' });
    const [first, second] = [actor.pause(), actor.pause()];
    await actor.unpause();
    told.forEach(({ command }, i) => {
      if (command.type === 'pause') actor.receive({ type: 'paused', id: idOf(i) });
    });
    expect(await first).toMatchObject({ type: 'ok' });
    expect(await second).toMatchObject({ type: 'ok' });
  });

  test('a shard that breaks, or a kernel that closes, fails the pause', async () => {
    const broken = kernel();
    const pausing = broken.actor.pause();
    await settle();
    broken.actor.receive({ type: 'broken', shard: 1, why: 'gone' });
    expect(await pausing).toMatchObject({ type: 'error', code: 'Closed', message: 'gone' });
    await broken.actor.destroy();
    expect(await broken.actor.pause()).toMatchObject({ code: 'Closed' });
    expect(await broken.actor.unpause()).toMatchObject({ code: 'Closed' });
  });
});

describe('K26: time', () => {
  const typesAfter = (told: { command: ShardCommand }[], n: number): string[] =>
    told.slice(n).map((t) => t.command.type);

  test('pauseTime is idempotent; on resumeTime every shard loses the same', async () => {
    const { actor, told, clock } = kernel();
    clock.hostNs = 1000;
    await actor.pauseTime();
    await actor.pauseTime();
    expect(typesAfter(told, 0)).toEqual(['pauseTime', 'pauseTime']);
    clock.hostNs = 5000;
    await actor.resumeTime();
    expect(told.slice(2).map((t) => t.command)).toEqual([
      { type: 'resumeTime', lostNs: 4000 },
      { type: 'resumeTime', lostNs: 4000 },
    ]);
    await actor.resumeTime();
    expect(told.length).toBe(4);
  });

  test('resumeTime without pauseTime does nothing', async () => {
    const { actor, told } = kernel();
    await actor.resumeTime();
    expect(told).toEqual([]);
  });

  test('time stands still while the kernel is paused, until the last pause ends', async () => {
    const { actor, told } = kernel(1);
    void actor.pause();
    void actor.pause();
    await settle();
    expect(typesAfter(told, 0)).toEqual(['pauseTime', 'pause', 'pause']);
    await actor.unpause();
    expect(typesAfter(told, 3)).toEqual(['unpause']);
    await actor.unpause();
    expect(typesAfter(told, 4)).toEqual(['resumeTime', 'unpause']);
  });

  test('resumeTime does not undo a pause of the kernel, nor unpause a pauseTime', async () => {
    const { actor, told } = kernel(1);
    void actor.pause();
    await settle();
    await actor.pauseTime();
    await actor.resumeTime();
    expect(typesAfter(told, 0)).toEqual(['pauseTime', 'pause']);
    await actor.pauseTime();
    await actor.unpause();
    expect(typesAfter(told, 2)).toEqual(['unpause']);
    await actor.resumeTime();
    expect(typesAfter(told, 3)).toEqual(['resumeTime']);
  });

  test('K34, K9: realtimeClock, monotonicClock and cpuClockNow answer without a turn', async () => {
    const { actor, clock } = kernel();
    void actor.createProcess(spec);
    clock.hostNs = 5;
    expect(await actor.realtimeClock()).toBe(100_000_000_005n);
    expect(await actor.monotonicClock()).toBe(5n);
    expect(await actor.cpuClockNow()).toBe(7);
  });
});
