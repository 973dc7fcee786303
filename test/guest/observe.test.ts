/** What an embedder sees of its guests. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Kernel, type KernelEvent, type SyscallEvent } from 'troupe';
import { compile, gcc, sayAbsent } from './support/compiler.js';
import { CLI, run } from './support/run.js';
import { tempFolder } from './support/temp.js';

let kernel: Kernel;
beforeEach(async () => {
  kernel = await Kernel.boot({ shards: 2 });
});
afterEach(() => kernel.close());

async function collect<E>(stream: AsyncIterable<E>): Promise<E[]> {
  const events: E[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

const sh = (script: string): Promise<unknown> =>
  kernel.spawn('/bin/sh', ['-c', script], { stdio: 'ignore' }).completed;

describe('a stream of events', () => {
  test('begins with the kernel, ends with totals, is numbered without gaps, and completes', async () => {
    const all = collect(kernel.events$);
    await sh('cat /etc/passwd; kill -USR1 0');
    await kernel.close();
    const events = await all;
    expect(events[0]).toMatchObject({ type: 'kernel', hostname: 'troupe', shards: 2, pid: 0 });
    expect(events.at(-1)).toMatchObject({ type: 'end', events: events.length - 1, dropped: 0 });
    expect(events.map((e) => e.seq)).toEqual(events.map((_, i) => i));
    const types = new Set(events.map((e) => e.type));
    for (const type of [
      'taskStart',
      'exec',
      'syscallEnter',
      'syscall',
      'fileOpen',
      'signalSent',
      'taskExit',
    ]) {
      expect(types).toContain(type);
    }
  });

  test('the narrow ones have their own types of events only', async () => {
    const seen = {
      tasks: collect(kernel.tasks$),
      signals: collect(kernel.signals$),
      stops: collect(kernel.stops$),
      timers: collect(kernel.timers$),
      files: collect(kernel.files$),
      faults: collect(kernel.faults$),
    };
    await sh(
      'timeout 0.05 sleep 5; sleep 5 & kill -STOP $!; sleep 0.05; kill -CONT $!; kill $!; mv /tmp/a /tmp/b',
    );
    await sh('echo > /tmp/a; mv /tmp/a /tmp/b; rm /tmp/b');
    await sh('kill -SEGV $$');
    await kernel.pause();
    await kernel.unpause();
    await kernel.close();
    const types = async (of: Promise<readonly KernelEvent[]>): Promise<string[]> =>
      [...new Set((await of).map((e) => e.type))].filter((t) => t !== 'kernel' && t !== 'end').sort();
    expect(await types(seen.tasks)).toEqual(['exec', 'processExit', 'taskExit', 'taskStart']);
    expect(await types(seen.signals)).toEqual(['signalDelivered', 'signalSent']);
    expect(await types(seen.stops)).toEqual(['groupContinue', 'groupStop', 'pause', 'unpause']);
    expect(await types(seen.timers)).toEqual(['timerExpired', 'timerSet']);
    expect(await types(seen.files)).toEqual(['fileClose', 'fileOpen', 'fileRename', 'fileUnlink']);
    expect(await types(seen.faults)).toEqual([]);
    const files = (await seen.files).flatMap((e) => (e.type === 'fileRename' ? [[e.path, e.newPath]] : []));
    expect(files).toEqual([['/tmp/a', '/tmp/b']]);
  });

  test.each([
    ['computes', 'while :; do :; done'],
    ['makes other calls', 'while :; do cd /; done'],
    ['sleeps', 'exec sleep 1000'],
  ])('tells what a guest did though it %s ever after', async (_, forever) => {
    const opened = new Promise<void>((resolve) => {
      kernel.observe({ types: ['fileOpen'], paths: ['/tmp/x'] }).subscribe((event) => {
        if (event.type === 'fileOpen') resolve();
      });
    });
    const guest = kernel.spawn('/bin/sh', ['-c', `: >/tmp/x; ${forever}`], { stdio: 'ignore' });
    await opened;
    expect((await kernel.taskSet()).map((t) => t.pid)).toContain(guest.pid);
  });

  test('several observers have their own filters, and one that leaves changes nothing for the others', async () => {
    const opened: string[] = [];
    const seen = collect(kernel.observe({ types: ['syscall'], syscalls: ['openat'], paths: ['/etc'] }));
    const leaving = kernel.observe({ types: ['fileOpen'] }).subscribe((e) => {
      if (e.type === 'fileOpen') opened.push(e.path);
    });
    await sh('cat /etc/passwd');
    leaving.unsubscribe();
    const before = opened.length;
    await sh('cat /etc/group');
    await kernel.close();
    expect(before).toBeGreaterThan(0);
    expect(opened.length).toBe(before);
    const paths = (await seen).flatMap((e) => (e.type === 'syscall' ? (e.paths ?? []) : []));
    expect(paths).toEqual(expect.arrayContaining(['/etc/passwd', '/etc/group']));
    expect(paths.filter((p) => !p.startsWith('/etc/'))).toEqual([]);
  });

  test('filters by process, wherever that is', async () => {
    const one = kernel.spawn('sleep', ['0.2'], { stdio: 'ignore' });
    const two = kernel.spawn('sleep', ['0.2'], { stdio: 'ignore' });
    await Promise.all([one, two].map((p) => new Promise((resolve) => p.once('spawn', resolve))));
    const seen = collect(kernel.observe({ types: ['taskExit', 'syscall'], pids: [two.pid ?? 0] }));
    await Promise.all([one.completed, two.completed]);
    await kernel.close();
    const pids = new Set((await seen).flatMap((e) => (e.pid > 0 ? [e.pid] : [])));
    expect([...pids]).toEqual([two.pid]);
  });

  test('a call that waits has an entry, a block and a wake before its return', async () => {
    const seen = collect(
      kernel.observe({ types: ['syscallEnter', 'syscall', 'block', 'wake'], syscalls: 'clock_nanosleep' }),
    );
    await kernel.spawn('sleep', ['0.05'], { stdio: 'ignore' }).completed;
    await kernel.close();
    const events = await seen;
    const at = events.findIndex((e) => e.type === 'syscallEnter');
    expect(events.slice(at, at + 4).map((e) => e.type)).toEqual(['syscallEnter', 'block', 'wake', 'syscall']);
    const call = events[at + 3] as Extract<SyscallEvent, { type: 'syscall' }>;
    expect(call).toMatchObject({ name: 'clock_nanosleep', result: 0, errno: 0 });
    expect(call.durationNs).toBeGreaterThanOrEqual(50e6);
  });

  test('an iterator that is left lets go of its observer', async () => {
    for await (const event of kernel.observe({ types: ['taskStart'] })) {
      if (event.type === 'kernel') void sh('exit 0');
      if (event.type === 'taskStart') break;
    }
    const seen: string[] = [];
    kernel.observe({ types: ['taskStart'] }).subscribe((e) => seen.push(e.type));
    await sh('exit 0');
    await kernel.close();
    expect(seen).toEqual(['kernel', 'taskStart', 'end']);
  });

  test('of a kernel that is closed has its first and last event', async () => {
    await kernel.close();
    expect((await collect(kernel.events$)).map((e) => e.type)).toEqual(['kernel', 'end']);
  });

  test('what does not exist cannot be observed', () => {
    expect(() => kernel.observe({ types: ['nothing' as never] })).toThrow(/types.*taskStart/);
    expect(() => kernel.observe({ syscalls: 'no_such_call' })).toThrow(/no_such_call/);
    expect(() => kernel.observe({ paths: ['relative'] })).toThrow(/paths.*absolute/);
    expect(() => kernel.observe({ what: 1 } as never)).toThrow(/unknown option/);
  });
});

const folder = tempFolder('observe');
(gcc ? describe : describe.skip)('many system calls', () => {
  if (!gcc) sayAbsent('gcc');
  const CALLS = 200_000;

  test('lossless: the guest waits for a slow observer, and every call is seen', async () => {
    const program = compile('many-calls', folder);
    const bound = await Kernel.boot({
      shards: 1,
      binds: [{ source: folder, target: folder, readOnly: true }],
    });
    try {
      const stream = bound.observe({ types: ['syscall'], syscalls: 'getppid', lossless: true });
      const guest = bound.spawn(program, [String(CALLS), '1'], { stdio: 'ignore' });
      guest.completed.then(
        () => bound.close(),
        () => bound.close(),
      );
      let calls = 0;
      let last: KernelEvent | undefined;
      for await (const event of stream) {
        last = event;
        if (event.type === 'syscall' && ++calls % 20_000 === 0) await new Promise((r) => setTimeout(r, 20));
      }
      expect(calls).toBe(CALLS);
      expect(last).toMatchObject({ type: 'end', dropped: 0 });
    } finally {
      await bound.close();
    }
  });

  test('lossy: what was seen and what was dropped is all there was', async () => {
    const program = compile('many-calls', folder);
    const bound = await Kernel.boot({
      shards: 1,
      binds: [{ source: folder, target: folder, readOnly: true }],
    });
    try {
      const stream = bound.observe({ types: ['syscall'], syscalls: 'getppid' });
      const events = stream[Symbol.asyncIterator]();
      await events.next();
      // Nobody takes any while the guest runs.
      await bound.spawn(program, [String(CALLS), '1'], { stdio: 'ignore' }).completed;
      await bound.close();
      let calls = 0;
      let dropped = 0;
      for (let next = await events.next(); !next.done; next = await events.next()) {
        if (next.value.type === 'syscall') calls++;
        if (next.value.type === 'dropped') dropped += next.value.count;
        if (next.value.type === 'end') expect(next.value.dropped).toBe(dropped);
      }
      expect(dropped).toBeGreaterThan(0);
      expect(calls + dropped).toBe(CALLS);
    } finally {
      await bound.close();
    }
  });

  test('a guest that a slow observer holds can be paused: nobody need wait for the other', async () => {
    const program = compile('many-calls', folder);
    const bound = await Kernel.boot({
      shards: 1,
      binds: [{ source: folder, target: folder, readOnly: true }],
    });
    const events = bound.observe({ types: ['syscall'], lossless: true })[Symbol.asyncIterator]();
    await events.next();
    const guest = bound.spawn(program, ['100000000', '1'], { stdio: 'ignore' });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await bound.pause();
    await bound.unpause();
    guest.kill('SIGKILL');
    await bound.close();
  });

  test('a guest that a slow observer holds can be killed all the same', async () => {
    const program = compile('many-calls', folder);
    const bound = await Kernel.boot({
      shards: 1,
      binds: [{ source: folder, target: folder, readOnly: true }],
    });
    const stream = bound.observe({ types: ['syscall'], lossless: true });
    const events = stream[Symbol.asyncIterator]();
    await events.next();
    const guest = bound.spawn(program, ['100000000', '1'], { stdio: 'ignore' });
    await new Promise((resolve) => setTimeout(resolve, 500));
    guest.kill('SIGKILL');
    await bound.kill(1);
    await bound.close();
    await expect(guest.completed).rejects.toThrow(/closed/);
  });
});

test('--strace prints signals and ends as strace does', async () => {
  const script = 'kill -USR1 $$';
  const { stderr } = await run(process.execPath, [
    CLI,
    'run',
    '--strace=kill',
    '--',
    '/bin/sh',
    '-c',
    script,
  ]);
  expect(stderr.trim().split('\n')).toEqual([
    '[2] kill(2, SIGUSR1) = 0',
    expect.stringMatching(
      /^\[2\] --- SIGUSR1 \{si_signo=SIGUSR1, si_code=SI_USER, si_pid=2, si_uid=\d+\} ---$/,
    ),
    '[2] +++ killed by SIGUSR1 +++',
  ]);
});
