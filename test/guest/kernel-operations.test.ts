/** The kernel's operations on real guests, as KERNEL.md's rows K1 to K40 promise them. */
import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type CreateProcessOptions,
  hostFeatureSet,
  type InitOptions,
  Kernel,
  type KernelErrorCode,
  type Process,
} from 'troupe';

let kernel: Kernel;
afterEach(() => kernel.close());

const INIT: InitOptions = {
  featureSet: hostFeatureSet(),
  timekeeper: { clock: 'real' },
  rootUserNamespace: { owner: 0, group: 0 },
  applicationCores: 2,
};

async function initialized(options: Partial<InitOptions> = {}): Promise<Kernel> {
  kernel = await Kernel.create({ shards: 1 });
  await kernel.init({ ...INIT, ...options });
  await kernel.setRootMountNamespace();
  return kernel;
}

const sh = (script: string): CreateProcessOptions => ({ argv: ['/bin/sh', '-c', script] });

async function output(p: Process): Promise<string> {
  let text = '';
  p.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  p.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((resolve) => p.on('close', resolve));
  return text;
}

/** Runs one process as init and gives what it wrote. */
async function outputOf(options: CreateProcessOptions): Promise<string> {
  const text = output(await kernel.createProcess(options));
  await kernel.start();
  return text;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const code = (code: KernelErrorCode | string) => ({ code });

describe('K1: init', () => {
  test.each(['featureSet', 'timekeeper', 'rootUserNamespace', 'applicationCores'])(
    'without %s is an error that names it',
    async (missing) => {
      kernel = await Kernel.create({ shards: 1 });
      const { [missing as keyof InitOptions]: _, ...rest } = INIT;
      await expect(kernel.init(rest as InitOptions)).rejects.toThrow(`${missing}: is missing`);
    },
  );

  test('of zero application cores is an error; of a CPU that this is not, too; and so is a second one', async () => {
    kernel = await Kernel.create({ shards: 1 });
    await expect(kernel.init({ ...INIT, applicationCores: 0 })).rejects.toThrow(
      /applicationCores.*at least 1/,
    );
    const featureSet = { ...INIT.featureSet, vendor: 'AcmeInc' };
    await expect(kernel.init({ ...INIT, featureSet })).rejects.toMatchObject(code('InvalidArgument'));
    await kernel.init(INIT);
    await expect(kernel.init(INIT)).rejects.toMatchObject(code('AlreadyInitialized'));
    expect(await kernel.taskSet()).toEqual([]);
  });

  test('K3, K33: its namespaces, cores and auxiliary vector are what guests see', async () => {
    await initialized({
      applicationCores: 3,
      rootUtsNamespace: { hostname: 'stage', domainname: 'example' },
      extraAuxv: [{ type: 4242, value: 0x1234 }],
    });
    const auxv = `od -An -tu8 -w16 /proc/self/auxv | awk '$1 == 4242 { print $2 }'`;
    const text = await outputOf(sh(`uname -n; cat /proc/sys/kernel/domainname; nproc; ${auxv}`));
    expect(text).toBe(`stage\nexample\n3\n${0x1234}\n`);
    expect(await kernel.applicationCores()).toBe(3);
    expect(await kernel.rootUtsNamespace()).toMatchObject({ nodename: 'stage', domainname: 'example' });
    expect(await kernel.rootUserNamespace()).toEqual({ owner: 0, group: 0 });
    expect(await kernel.rootIpcNamespace()).toEqual({});
    expect(await kernel.featureSet()).toEqual(hostFeatureSet());
    expect(await kernel.timekeeper()).toMatchObject({ clock: 'real' });
  });

  test.each([
    ['absent', undefined, 'EAFNOSUPPORT'],
    ['there', { interfaces: 'loopback' }, 'made'],
  ] as const)('with a network stack %s', async (_, networkStack, expected) => {
    await initialized({ networkStack });
    const script =
      'use Socket; use Errno; print socket(S, AF_INET, SOCK_STREAM, 0) ? "made" : $!{EAFNOSUPPORT} ? "EAFNOSUPPORT" : $!';
    expect(await outputOf({ argv: ['/usr/bin/perl', '-e', script] })).toBe(expected);
    expect(await kernel.networkStack()).toEqual(networkStack);
  });
});

test('K2: with useHostCores a task tells the CPU of the host, and affinity is not kept', async () => {
  await initialized({ applicationCores: 1, useHostCores: true });
  expect(await kernel.applicationCores()).toBeGreaterThanOrEqual(availableParallelism());
  expect(await kernel.useHostCores()).toBe(true);
  const text = await outputOf(sh('nproc; taskset -c 0 nproc; taskset -pc 0 $$ >/dev/null && echo set'));
  const cores = await kernel.applicationCores();
  expect(text).toBe(`${cores}\n${cores}\nset\n`);
});

describe('K4: the root mount namespace', () => {
  test('is needed to create a process, and can be told', async () => {
    kernel = await Kernel.create({ shards: 1 });
    await kernel.init(INIT);
    await expect(kernel.createProcess(sh('true'))).rejects.toMatchObject(code('NoRootMountNamespace'));
    expect(await kernel.rootMountNamespace()).toBe(undefined);
    await expect(kernel.setRootMountNamespace({ rootfs: '/no/such/root' })).rejects.toMatchObject(
      code('InvalidArgument'),
    );
    expect(await kernel.rootMountNamespace()).toBe(undefined);
    await kernel.setRootMountNamespace({ tmpfs: ['/scratch'] });
    expect(await kernel.rootMountNamespace()).toEqual({ rootfs: '/', binds: [], tmpfs: ['/scratch'] });
    expect((await kernel.mounts()).map((m) => m.target)).toContain('/scratch');
  });

  test('set anew holds for processes to come; those that are there keep theirs', async () => {
    await initialized();
    const old = await kernel.createProcess(sh('echo old >/tmp/file; read _; cat /tmp/file'));
    const oldText = output(old);
    await kernel.start();
    await sleep(100);
    await kernel.setRootMountNamespace({ tmpfs: ['/scratch'] });
    const next = await kernel.createProcess(sh('ls /tmp; ls -d /scratch'));
    expect(await output(next)).toBe('/scratch\n');
    old.stdin?.end('\n');
    expect(await oldText).toBe('old\n');
  });
});

describe('K5: createProcess', () => {
  test('of neither filename nor an absolute argv[0] is an error that quotes it', async () => {
    await initialized();
    await expect(kernel.createProcess({ argv: [] })).rejects.toMatchObject(code('InvalidArgument'));
    await expect(kernel.createProcess({ argv: ['sh'] })).rejects.toThrow('"sh" is not an absolute path');
    expect(await outputOf({ filename: '/bin/sh', argv: ['name', '-c', 'echo $0'] })).toBe('name\n');
  });

  test('of what is not there, or in a working directory that is not there, fails and leaves nothing', async () => {
    await initialized();
    await expect(kernel.createProcess({ argv: ['/no/such'] })).rejects.toMatchObject(code('ENOENT'));
    const nowhere = { ...sh('true'), workingDirectory: '/no/where' };
    await expect(kernel.createProcess(nowhere)).rejects.toThrow('/no/where');
    expect(await kernel.taskSet()).toEqual([]);
    expect(await kernel.globalInit()).toBe(undefined);
  });

  test('gives what it was told: environment, directory, credentials, umask, limits, names', async () => {
    await initialized();
    const text = await outputOf({
      ...sh('echo $A; pwd; id -u; id -g; id -G; umask; ulimit -n; ulimit -Hn; ulimit -c; uname -n'),
      envv: ['A=b', 'PATH=/usr/bin:/bin'],
      workingDirectory: '/usr',
      credentials: { uid: 1234, gid: 2345, groups: [2345, 77] },
      umask: 0o077,
      limits: { nofile: { soft: 100, hard: 200 }, core: { soft: 'unlimited', hard: 'unlimited' } },
      utsNamespace: { hostname: 'own', domainname: 'd' },
    });
    expect(text).toBe('b\n/usr\n1234\n2345\n2345 77\n0077\n100\n200\nunlimited\nown\n');
    expect((await kernel.rootUtsNamespace()).nodename).toBe('troupe');
  });

  test('counts symbolic links, and refuses limits that cannot be', async () => {
    await initialized();
    const linked = { argv: ['/proc/self/root/bin/true'], maxSymlinkTraversals: 0 };
    await expect(kernel.createProcess(linked)).rejects.toMatchObject(code('ELOOP'));
    const absurd = { ...sh('true'), limits: { nofile: { soft: 2, hard: 1 } } };
    await expect(kernel.createProcess(absurd)).rejects.toThrow('limits.nofile');
  });
});

describe('K6, K8: before and after start', () => {
  test('nothing runs before; the first process is 1, later ones run at once', async () => {
    await initialized();
    await expect(kernel.start()).rejects.toMatchObject(code('NoTasks'));
    const init = await kernel.createProcess(sh('echo $$; while :; do sleep 0.05; done'));
    const second = await kernel.createProcess(sh('echo $PPID'));
    const [first, other] = [init, second].map((p) => {
      const seen = { text: '' };
      p.stdout?.on('data', (chunk: Buffer) => (seen.text += chunk.toString()));
      return seen;
    });
    await sleep(150);
    expect([first?.text, other?.text]).toEqual(['', '']);
    expect((await kernel.taskSet()).map((t) => [t.pid, t.state])).toEqual([
      [1, 'new'],
      [2, 'new'],
    ]);
    await kernel.start();
    await second.completed;
    expect(await output(await kernel.createProcess(sh('echo late')))).toBe('late\n');
    expect([first?.text, other?.text]).toEqual(['1\n', '0\n']);
    await expect(kernel.start()).rejects.toMatchObject(code('AlreadyStarted'));
    expect(await kernel.globalInit()).toEqual({ pid: 1, exitStatus: undefined });
  });

  test('a kernel that booted whole is initialized and started, without process 1', async () => {
    kernel = await Kernel.boot({ shards: 1, cores: 2 });
    await expect(kernel.init(INIT)).rejects.toMatchObject(code('AlreadyInitialized'));
    await expect(kernel.start()).rejects.toMatchObject(code('AlreadyStarted'));
    expect(await kernel.globalInit()).toBe(undefined);
    expect(await kernel.applicationCores()).toBe(2);
    expect(await output(await kernel.createProcess(sh('echo $$')))).toBe('2\n');
    await expect(kernel.sendExternalSignal({ signo: 15 }, 'test')).rejects.toMatchObject(
      code('NoInitProcess'),
    );
  });
});

describe('process 1', () => {
  test('is not killed by what it does not handle; SIGKILL from outside ends it, and all others (K32)', async () => {
    await initialized();
    const init = await kernel.createProcess(
      sh('kill -TERM $$; kill -KILL $$; (sleep 100 &); kill -USR1 1; echo alive; sleep 100'),
    );
    const alive = new Promise((resolve) => init.stdout?.once('data', resolve));
    await kernel.start();
    await alive;
    await kernel.sendExternalSignal({ signo: 15 }, 'test');
    await sleep(100);
    expect(init.exitCode).toBe(null);
    await kernel.sendExternalSignal({ signo: 9 }, 'test');
    expect(await init.completed).toMatchObject({ signal: 'SIGKILL' });
    await kernel.waitExited();
    expect(await kernel.globalInit()).toEqual({ pid: 1, exitStatus: 9 });
    await expect(kernel.createProcess(sh('true'))).rejects.toMatchObject(code('ENOMEM'));
    await expect(kernel.sendExternalSignal({ signo: 15 }, 'test')).rejects.toMatchObject(code('ESRCH'));
  });

  test('adopts orphans, which see it as their parent', async () => {
    await initialized();
    const orphan = '(sh -c \'sleep 0.3; cut -d" " -f4 /proc/$$/stat\' &)';
    expect(await outputOf(sh(`${orphan}; sleep 0.8`))).toBe('1\n');
  });
});

describe('K14: signals from outside', () => {
  test('reach init, a thread group that a guest made, a process group; with a value; 0 only asks', async () => {
    await initialized();
    const init = await kernel.createProcess({
      argv: [
        '/usr/bin/python3',
        '-uc',
        'import os, signal, sys\n' +
          'signal.pthread_sigmask(signal.SIG_BLOCK, [10, 12, 34])\n' +
          'child = os.fork()\n' +
          'name = "child" if child == 0 else "init"\n' +
          'print(os.getpid(), flush=True)\n' +
          'for n in range(2):\n' +
          '  s = signal.sigwaitinfo([10, 12, 34])\n' +
          '  os.write(1, f"{name} {s.si_signo} {s.si_code} {s.si_pid} {s.si_uid}\\n".encode())\n' +
          'if child: os.waitpid(child, 0)\n',
      ],
    });
    const lines: string[] = [];
    const seen = async (n: number): Promise<void> => {
      while (lines.join('').split('\n').length <= n) await sleep(10);
    };
    init.stdout?.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
    await kernel.start();
    await seen(2);
    const child = (await kernel.taskSet()).find((t) => t.parentPid === 1)?.pid ?? 0;
    await kernel.sendExternalSignalThreadGroup(child, { signo: 0 }, 'test');
    await kernel.sendExternalSignal({ signo: 10 }, 'test');
    await seen(3);
    await kernel.sendExternalSignalThreadGroup(child, { signo: 34, value: 7n }, 'test');
    await seen(4);
    await kernel.sendExternalSignalProcessGroup(1, { signo: 12 }, 'test');
    await init.completed;
    const said = lines.join('').split('\n').slice(2, -1);
    expect(said.slice(0, 2)).toEqual(['init 10 0 0 0', 'child 34 -1 0 0']);
    expect(said.slice(2).sort()).toEqual(['child 12 0 0 0', 'init 12 0 0 0']);
    for (const call of [
      kernel.sendExternalSignalThreadGroup(999, { signo: 15 }, 'test'),
      kernel.sendExternalSignalProcessGroup(999, { signo: 15 }, 'test'),
    ]) {
      await expect(call).rejects.toMatchObject(code('ESRCH'));
    }
  });

  test('that is none is EINVAL', async () => {
    await initialized();
    await kernel.createProcess(sh('true'));
    await expect(kernel.sendExternalSignal({ signo: 65 }, 'test')).rejects.toMatchObject(code('EINVAL'));
  });
});

test('K10: waitExited waits for every task, also for those that nobody created from outside', async () => {
  kernel = await Kernel.boot({ shards: 2 });
  await kernel.waitExited();
  await kernel.spawn('sh', ['-c', '(sleep 0.4) >/dev/null 2>&1 &'], { stdio: 'ignore' }).completed;
  expect((await kernel.taskSet()).length).toBeGreaterThan(0);
  await kernel.waitExited();
  expect(await kernel.taskSet()).toEqual([]);
});

test('K11: kill ends every task with the status, and does not wait', async () => {
  await initialized();
  const init = await kernel.createProcess(sh('trap "" TERM; sleep 100; :'));
  await kernel.start();
  await kernel.kill(7);
  expect(await init.completed).toMatchObject({ exitCode: 7 });
  await kernel.waitExited();
});

test('K27: destroy refuses while a task runs, and is idempotent', async () => {
  await initialized();
  await kernel.createProcess(sh('sleep 100'));
  await kernel.start();
  await expect(kernel.destroy()).rejects.toMatchObject(code('TasksRunning'));
  await kernel.kill(0);
  await kernel.waitExited();
  await kernel.destroy();
  await kernel.destroy();
  await expect(kernel.taskSet()).rejects.toMatchObject(code('Closed'));
});

test('K28, K29, K30, K31: ids, cookies, ports and the exit error', async () => {
  kernel = await Kernel.boot({ shards: 1 });
  const ids = await Promise.all([1, 2, 3].map(() => kernel.uniqueId()));
  expect(new Set(ids).size).toBe(3);
  expect(await kernel.generateInotifyCookie()).not.toBe(await kernel.generateInotifyCookie());
  const { netlinkPorts } = kernel;
  expect(await netlinkPorts.allocate(0, 5)).toBe(5);
  const other = await netlinkPorts.allocate(0, 5);
  expect(other).toBeGreaterThan(0x8000_0000);
  expect(await netlinkPorts.allocate(16, 5)).toBe(5);
  await netlinkPorts.release(0, 5);
  expect(await netlinkPorts.allocate(0, 5)).toBe(5);
  await kernel.setExitError(new Error('first'));
  await kernel.setExitError(new Error('second'));
  expect(await kernel.exitError()).toMatchObject({ name: 'Error', message: 'first' });
});

test('K33, K35: the task set says what each task does; the supervisor may do everything', async () => {
  kernel = await Kernel.boot({ shards: 1 });
  const busy = kernel.spawn('sh', ['-c', 'echo; while :; do :; done']);
  const waiting = kernel.spawn('sleep', ['100']);
  const halted = kernel.spawn('sh', ['-c', 'echo; kill -STOP $$']);
  await Promise.all([busy, halted].map((p) => new Promise((resolve) => p.stdout?.once('data', resolve))));
  await sleep(200);
  const states = new Map((await kernel.taskSet()).map((t) => [t.pid, t]));
  expect(states.get(busy.pid ?? 0)).toMatchObject({ state: 'running', comm: 'sh' });
  expect(states.get(waiting.pid ?? 0)).toMatchObject({ state: 'blocked', comm: 'sleep' });
  expect(states.get(halted.pid ?? 0)).toMatchObject({ state: 'stopped', groupStopped: true });
  await kernel.pause();
  const paused = new Map((await kernel.taskSet()).map((t) => [t.pid, t]));
  expect(paused.get(busy.pid ?? 0)).toMatchObject({ state: 'stopped', groupStopped: false });
  await kernel.unpause();
  expect(await kernel.supervisorContext()).toMatchObject({
    uid: 0,
    gid: 0,
    effective: '1ffffffffff',
    mayTraceAnything: true,
    limits: 'none',
  });
});

test('K34: the clocks are those of the guests', async () => {
  kernel = await Kernel.boot({ shards: 1 });
  const now = await kernel.nowNanoseconds();
  const told = BigInt(await output(kernel.spawn('date', ['+%s%N'])));
  expect(told - now).toBeGreaterThanOrEqual(0n);
  expect((await kernel.realtimeClock()) - told).toBeGreaterThanOrEqual(0n);
  const first = await kernel.monotonicClock();
  await sleep(30);
  expect((await kernel.monotonicClock()) - first).toBeGreaterThan(20_000_000n);
  expect(await kernel.cpuClockNow()).toBeGreaterThanOrEqual(0);
});

test('K36: the log is what dmesg shows, and a crash is in it', async () => {
  await initialized();
  await kernel.createProcess(sh('sleep 100'));
  await kernel.start();
  const crash = 'kill -SEGV $$';
  await output(await kernel.createProcess(sh(crash)));
  const python = 'import ctypes; ctypes.string_at(0)';
  await (await kernel.createProcess({ argv: ['/usr/bin/python3', '-c', python] })).completed;
  const shown = await output(await kernel.createProcess({ argv: ['/bin/dmesg', '-S'] }));
  const log = await kernel.syslog();
  expect(log[0]?.text).toMatch(/^Linux version 6\./);
  expect(
    log.filter((e) => /^python3\[\d+\]: segfault at 0 ip [0-9a-f]+ sp [0-9a-f]+ error 4 in /.test(e.text))
      .length,
  ).toBe(1);
  for (const { text } of log) expect(shown).toContain(text);
});

test('K38: what init set does not change afterwards', async () => {
  await initialized({ applicationCores: 2 });
  await kernel.createProcess(sh('sleep 100'));
  await kernel.start();
  await expect(kernel.init({ ...INIT, applicationCores: 5 })).rejects.toMatchObject(
    code('AlreadyInitialized'),
  );
  expect(await kernel.applicationCores()).toBe(2);
});

test('operations that wait when the kernel is closed are told so', async () => {
  await initialized();
  await kernel.createProcess(sh('sleep 100'));
  const waiting = kernel.waitExited();
  const told = expect(waiting).rejects.toMatchObject(code('Closed'));
  await kernel.close();
  await told;
});
