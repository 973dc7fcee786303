/** The queue of external operations, with shards that are scripted here. */
import { describe, expect, test } from '@jest/globals';
import { Counters } from '../../../src/actors/counters.js';
import { HOST_SHARD } from '../../../src/actors/host-shard.js';
import { KernelActor } from '../../../src/actors/kernel-actor.js';
import type { Ns } from '../../../src/base/brand.js';
import { silentLog } from '../../../src/base/log.js';
import { Timekeeper } from '../../../src/kernel/time/timekeeper.js';
import type { KernelConfig } from '../../../src/messages/kernel.js';
import type { FeatureSet, InitSettings, RootSettings } from '../../../src/messages/lifecycle.js';
import type { ProcessSpec, ShardCommand } from '../../../src/messages/shard.js';

const spec: ProcessSpec = {
  command: '/bin/true',
  searchPath: true,
  argv: ['true'],
  envp: [],
  cwd: '/',
  uid: 0,
  gid: 0,
  groups: [],
  stdio: [],
};
const config: KernelConfig = {
  made: 'whole',
  root: { rootfs: '/', binds: [], tmpfs: [] },
  hostname: 'fake',
  cores: 2,
  shards: 2,
  memoryBytes: 1 << 30,
  placement: 'pack',
  inject: [],
  injectSeed: 0,
  maxTasks: 10,
  time: 'real',
  began: { sec: 0, nsec: 0 },
  strace: undefined,
  logLevel: 'silent',
};
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const root: RootSettings = { rootfs: '/', binds: [], tmpfs: [] };
const features: FeatureSet = {
  vendor: 'Fake',
  family: 6,
  model: 1,
  stepping: 0,
  flags: ['fpu', 'sse'],
  hwcap: 1,
  hwcap2: 0,
};

function fakeClocks() {
  const clock = { hostNs: 0 };
  const keeper = new Timekeeper({
    monotonic: () => clock.hostNs as Ns,
    realtime: () => ({ sec: 100, nsec: clock.hostNs }),
    coarse: () => ({ sec: 0, nsec: 0 }),
  });
  return { clock, clocks: { keeper: () => keeper, cpuClock: () => 7 } };
}

function kernel(shards = 2, made: 'whole' | 'steps' = 'whole') {
  const told: { shard: number; command: ShardCommand }[] = [];
  const refs = Array.from({ length: shards }, (_, shard) => ({
    tell: (command: ShardCommand) => void told.push({ shard, command }),
  }));
  const { clock, clocks } = fakeClocks();
  const actor = new KernelActor({
    shards: refs,
    log: silentLog,
    config: { ...config, made, root: made === 'whole' ? root : undefined },
    host: { features: () => features, possibleCores: () => 8 },
    clocks,
  });
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
    expect(told.map((t) => t.shard)).toEqual([HOST_SHARD, HOST_SHARD]);
    actor.receive({ type: 'created', id: idOf(1), pid: 3, pipes: [] });
    expect(await second).toMatchObject({ type: 'ok', value: { pid: 3, shard: HOST_SHARD } });
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
    const { actor } = kernel(0);
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
    const target = { type: 'threadGroup', pid: 2 };
    expect(told[1]).toMatchObject({ shard: 0, command: { type: 'signal', target, info: { signo: 15 } } });
    actor.receive({ type: 'signalled', id: idOf(1), errno: 0 });
    expect(await sent).toMatchObject({ type: 'ok' });
    // One that a guest made: the home knows it, or that there is none.
    const unknown = actor.signal(99, 15);
    await settle();
    actor.receive({ type: 'signalled', id: idOf(2), errno: 3 });
    expect(await unknown).toMatchObject({ type: 'error', errno: 3 });
  });
});

test('K10: waitExited resolves when no task lives on any shard, and looks again when some was made', async () => {
  const { actor, told, idOf } = kernel(1);
  let exited = false;
  const waiting = actor.waitExited().then(() => {
    exited = true;
  });
  void actor.createProcess(spec);
  await settle();
  actor.receive({ type: 'created', id: idOf(1), pid: 2, pipes: [] });
  actor.receive({ type: 'done', id: idOf(0) });
  await settle();
  expect(exited).toBe(false);
  expect(told[2]?.command.type).toBe('whenEmpty');
  actor.receive({ type: 'exited', shard: 0, pid: 2, status: 0 });
  actor.receive({ type: 'done', id: idOf(2) });
  await waiting;
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
describe('a kernel that is made in steps', () => {
  const settings: InitSettings = {
    featureSet: features,
    timekeeper: { clock: 'real' },
    rootUserNamespace: { owner: 0, group: 0 },
    rootUtsNamespace: { hostname: 'fake', domainname: '(none)' },
    rootIpcNamespace: {},
    networkStack: undefined,
    applicationCores: 2,
    useHostCores: false,
    extraAuxv: [],
  };

  /** One shard that answers at once, by what it is asked. */
  function stepwise() {
    const told: ShardCommand[] = [];
    const pids = [1, 2, 3, 4];
    const actor: KernelActor = new KernelActor({
      shards: [
        {
          tell(command) {
            told.push(command);
            if (command.type === 'createProcess') {
              const pid = command.asInit ? 1 : (pids.find((p) => p > told.length) ?? 9);
              actor.receive({ type: 'created', id: command.id, pid, pipes: [] });
            } else if (command.type === 'signal') {
              actor.receive({ type: 'signalled', id: command.id, errno: 0 });
            } else if (command.type === 'query') {
              actor.receive({ type: 'answer', id: command.id, value: [] });
            } else if ('id' in command) {
              actor.receive({ type: 'done', id: command.id });
            }
          },
        },
      ],
      log: silentLog,
      config: { ...config, made: 'steps', root: undefined },
      host: { features: () => features, possibleCores: () => 8 },
      clocks: fakeClocks().clocks,
    });
    return { actor, told };
  }

  test('K1: refuses everything before init, init again, and a CPU that this is not', async () => {
    const { actor } = stepwise();
    expect(await actor.createProcess(spec)).toMatchObject({ code: 'NotInitialized' });
    expect(await actor.start()).toMatchObject({ code: 'NotInitialized' });
    expect(await actor.setRootMountNamespace(root)).toMatchObject({ code: 'NotInitialized' });
    expect(await actor.settings()).toMatchObject({ code: 'NotInitialized' });
    const other = { ...features, flags: ['fpu', 'sse', 'avx9000'] };
    expect(await actor.init({ ...settings, featureSet: other })).toMatchObject({
      code: 'InvalidArgument',
      message: 'featureSet: this CPU has no avx9000',
    });
    const fewer = { ...features, flags: ['fpu'] };
    expect(await actor.init({ ...settings, featureSet: fewer })).toMatchObject({ code: 'InvalidArgument' });
    const virtual = { ...settings, timekeeper: { clock: 'virtual' } } as const;
    expect(await actor.init(virtual)).toMatchObject({ code: 'InvalidArgument' });
    expect(await actor.init(settings)).toEqual({ type: 'ok', value: undefined });
    expect(await actor.init(settings)).toMatchObject({ code: 'AlreadyInitialized' });
  });

  test('K2: useHostCores raises the application cores to the highest possible CPU + 1', async () => {
    const { actor, told } = stepwise();
    await actor.init({ ...settings, useHostCores: true });
    expect(await actor.settings()).toMatchObject({ value: { applicationCores: 8, useHostCores: true } });
    expect(told[0]).toMatchObject({ type: 'init', settings: { applicationCores: 8 } });
  });

  test('K4: createProcess without a root mount namespace is an error', async () => {
    const { actor } = stepwise();
    await actor.init(settings);
    expect(await actor.rootMountNamespace()).toBe(undefined);
    expect(await actor.createProcess(spec)).toMatchObject({ code: 'NoRootMountNamespace' });
    await actor.setRootMountNamespace(root);
    expect(await actor.rootMountNamespace()).toEqual(root);
    expect(await actor.createProcess(spec)).toMatchObject({ type: 'ok' });
  });

  test('K6, K8, K32: the first process before start is init; start is once, and not without tasks', async () => {
    const { actor, told } = stepwise();
    await actor.init(settings);
    await actor.setRootMountNamespace(root);
    expect(await actor.start()).toMatchObject({ code: 'NoTasks' });
    expect(await actor.globalInit()).toBe(undefined);
    await actor.createProcess(spec);
    await actor.createProcess(spec);
    expect(told.filter((c) => c.type === 'createProcess').map((c) => c.asInit)).toEqual([true, false]);
    expect(await actor.start()).toMatchObject({ type: 'ok' });
    expect(await actor.start()).toMatchObject({ code: 'AlreadyStarted' });
    await actor.createProcess(spec);
    expect(told.at(-1)).toMatchObject({ type: 'createProcess', asInit: false });
    expect(await actor.globalInit()).toEqual({ pid: 1, exitStatus: undefined });
    actor.receive({ type: 'exited', shard: 0, pid: 1, status: 256 });
    expect(await actor.globalInit()).toEqual({ pid: 1, exitStatus: 256 });
    expect(told.at(-1)).toEqual({ type: 'initExited' });
  });

  test('K14: sendExternalSignal needs an init process', async () => {
    const { actor, told } = stepwise();
    await actor.init(settings);
    await actor.setRootMountNamespace(root);
    expect(await actor.sendExternalSignal(undefined, { signo: 15 }, 'test')).toMatchObject({
      code: 'NoInitProcess',
    });
    await actor.createProcess(spec);
    expect(await actor.sendExternalSignal(undefined, { signo: 15 }, 'test')).toMatchObject({ type: 'ok' });
    expect(told.at(-1)).toMatchObject({ target: { type: 'threadGroup', pid: 1 }, info: { signo: 15 } });
  });

  test('K27: destroy is idempotent, and everything after it is Closed', async () => {
    const { actor, told } = stepwise();
    await actor.init(settings);
    expect(await actor.destroy()).toMatchObject({ type: 'ok' });
    expect(await actor.destroy()).toMatchObject({ type: 'ok' });
    expect(told.filter((c) => c.type === 'shutdown').length).toBe(1);
    for (const operation of [actor.init(settings), actor.createProcess(spec), actor.start(), actor.pause()]) {
      expect(await operation).toMatchObject({ code: 'Closed' });
    }
  });
});

test('K27: destroy refuses while a task runs; a zombie is no task that runs', async () => {
  const { actor, told, idOf } = kernel(1);
  const snapshot = {
    tid: 2,
    pid: 2,
    parentPid: 0,
    pgid: 2,
    sid: 2,
    comm: 'x',
    shard: 0,
    groupStopped: false,
  };
  const answer = async (state: 'running' | 'zombie') => {
    const destroying = actor.destroy();
    await settle();
    actor.receive({ type: 'answer', id: idOf(told.length - 1), value: [{ ...snapshot, state }] });
    return destroying;
  };
  expect(await answer('running')).toMatchObject({ code: 'TasksRunning' });
  expect(await answer('zombie')).toMatchObject({ type: 'ok' });
});

test('K28, K29: unique ids never repeat; inotify cookies come round without a 0', async () => {
  const { actor } = kernel();
  const ids = await Promise.all(Array.from({ length: 100 }, () => actor.uniqueId()));
  expect(new Set(ids).size).toBe(100);
  expect(await actor.generateInotifyCookie()).toBe(1);
  const late = new Counters({ lastUniqueId: (1n << 64n) - 2n, lastInotifyCookie: 0xffff_fffe });
  expect(late.inotifyCookie()).toBe(0xffff_ffff);
  expect(late.inotifyCookie()).toBe(1);
  expect(late.uniqueId()).toBe((1n << 64n) - 1n);
  expect(() => late.uniqueId()).toThrow(/unique ids/);
});

test('K31: the first exit error stays', async () => {
  const { actor } = kernel();
  expect(await actor.exitError()).toBe(undefined);
  await actor.setExitError({ name: 'Error', message: 'first' });
  await actor.setExitError({ name: 'Error', message: 'second' });
  expect(await actor.exitError()).toEqual({ name: 'Error', message: 'first' });
});

test('operations of many callers are done in the order they came', async () => {
  const { actor, told, idOf } = kernel(1);
  void actor.pause();
  void actor.createProcess(spec);
  void actor.sendExternalSignal({ type: 'processGroup', pgid: 2 }, { signo: 10 }, 'test');
  void actor.unpause();
  void actor.kill(1);
  for (let i = 0; i < 5; i++) {
    await settle();
    const last = told.at(-1)?.command;
    if (last?.type === 'createProcess') {
      actor.receive({ type: 'created', id: idOf(told.length - 1), pid: 2, pipes: [] });
    }
    if (last?.type === 'signal') actor.receive({ type: 'signalled', id: idOf(told.length - 1), errno: 0 });
  }
  expect(told.map((t) => t.command.type)).toEqual([
    'pauseTime',
    'pause',
    'createProcess',
    'signal',
    'resumeTime',
    'unpause',
    'kill',
  ]);
});

describe('saving', () => {
  test('K15, K16: is NotPaused without a pause; one that fails leaves no time standing still', async () => {
    const { actor, told, idOf } = kernel(1);
    expect(await actor.saveTo('/file', { compress: false })).toMatchObject({ code: 'NotPaused' });
    const paused = actor.pause();
    await settle();
    actor.receive({ type: 'paused', id: idOf(1) });
    await paused;
    const saved = actor.saveTo('/file', { compress: false });
    const unpaused = actor.unpause();
    await settle();
    // In its turn: time and tasks stand still until the shard has answered.
    expect(told.map((t) => t.command.type)).toEqual(['pauseTime', 'pause', 'save']);
    const error = { errno: 5, obstacle: 'sandbox', message: 'no room' } as const;
    actor.receive({ type: 'failed', id: idOf(2), ...error, code: 'CannotSave' });
    expect(await saved).toMatchObject({ code: 'CannotSave', message: 'no room' });
    await unpaused;
    expect(told.slice(3).map((t) => t.command.type)).toEqual(['resumeTime', 'unpause']);
  });

  test('K12, K15: who has paused can save, though another pause is on its way; not once all were ended', async () => {
    const { actor, told, idOf } = kernel(1);
    const first = actor.pause();
    await settle();
    expect(await actor.saveTo('/early', { compress: false })).toMatchObject({ code: 'NotPaused' });
    actor.receive({ type: 'paused', id: idOf(1) });
    expect(await first).toMatchObject({ type: 'ok' });
    const second = actor.pause();
    const saved = actor.saveTo('/file', { compress: false });
    await settle();
    expect(told.map((t) => t.command.type)).toEqual(['pauseTime', 'pause', 'pause', 'save']);
    actor.receive({ type: 'saved', id: idOf(3) });
    expect(await saved).toMatchObject({ type: 'ok' });
    await actor.unpause();
    await actor.unpause();
    expect(await second).toMatchObject({ code: 'PauseEnded' });
    const third = actor.pause();
    await settle();
    actor.receive({ type: 'paused', id: idOf(2) });
    expect(await actor.saveTo('/late', { compress: false })).toMatchObject({ code: 'NotPaused' });
    await actor.unpause();
    expect(await third).toMatchObject({ code: 'PauseEnded' });
  });

  test('K25: a kernel that uses the CPUs of a host is not loaded where there are more', async () => {
    const { actor, told } = kernel(1, 'steps');
    const settings: InitSettings = {
      featureSet: features,
      timekeeper: { clock: 'real' },
      rootUserNamespace: { owner: 0, group: 0 },
      rootUtsNamespace: { hostname: 'fake', domainname: '(none)' },
      rootIpcNamespace: {},
      networkStack: undefined,
      applicationCores: 7,
      useHostCores: true,
      extraAuxv: [],
    };
    const loadWith = (more: Partial<InitSettings>) =>
      actor.load({
        path: '/file',
        kernel: {
          stage: 'started',
          settings: { ...settings, ...more },
          root,
          globalInit: undefined,
          exitError: undefined,
          counters: { lastUniqueId: '0', lastInotifyCookie: 0 },
        },
        stdio: [],
        sleepers: 'keep',
        dropMissing: [],
      });
    const refused = await loadWith({});
    expect(refused).toMatchObject({ code: 'CannotLoad' });
    expect('message' in refused && refused.message).toMatch(/CPUs of the host, 7, and here are 8/);
    expect(told).toEqual([]);
    // As many are enough; and who does not use the host's may have any number.
    void loadWith({ applicationCores: 8 });
    await settle();
    expect(told[0]?.command.type).toBe('init');
  });
});
