/**
 * --time virtual: the same output as in real time, in the order that the programs' own times say, in a
 * fraction of them. What a test waits for in earnest is bounded very generously: machines are busy.
 */
import { spawn } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { expectSame } from './support/compare.js';
import { compile, gcc, sayAbsent } from './support/compiler.js';
import { CLI, plainEnvironment, troupe, which } from './support/run.js';
import { tempFolder } from './support/temp.js';

const VIRTUAL = ['--time', 'virtual'];
const folder = tempFolder('virtual-time');
if (!gcc) sayAbsent('gcc');

async function outputOf(command: readonly string[], options: readonly string[] = VIRTUAL): Promise<string> {
  const { stdout, stderr, status } = await troupe(options, command, { timeoutMs: 30_000 });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout.toString();
}

describe('programs that sleep, in virtual time', () => {
  test('sleep 3600 returns at once, and the clocks say that an hour is over', async () => {
    const script = 'date +%s; cut -d. -f1 /proc/uptime; sleep 3600; date +%s; cut -d. -f1 /proc/uptime';
    const [wall = 0, up = 0, wallAfter = 0, upAfter = 0] = (await outputOf(['sh', '-c', script]))
      .split('\n')
      .map(Number);
    for (const passed of [wallAfter - wall, upAfter - up]) {
      expect(passed).toBeGreaterThanOrEqual(3600);
      expect(passed).toBeLessThan(3660);
    }
  });

  test('files are as old as the clock says', async () => {
    const script =
      'touch /tmp/a; sleep 1000; touch /tmp/b; echo $(($(stat -c %Y /tmp/b) - $(stat -c %Y /tmp/a)))';
    expect(Number(await outputOf(['sh', '-c', script]))).toBeGreaterThanOrEqual(1000);
  });

  test('sleepers wake in the order of their times', async () => {
    const script = 'for n in 50 20 90 10 70 30 100 80 60 40; do (sleep $n; echo $n) & done; wait; echo all';
    expect(await outputOf(['sh', '-c', script])).toBe('10\n20\n30\n40\n50\n60\n70\n80\n90\n100\nall\n');
  });

  test('a pipeline of sleepers', async () => {
    const script = '(echo a; sleep 100; echo b) | (read x; echo got $x; read y; echo got $y)';
    expect(await outputOf(['sh', '-c', script])).toBe('got a\ngot b\n');
  });

  test('timeout(1) ends what sleeps too long', async () => {
    const script = 'timeout 100 sleep 200; echo $?; timeout 200 sleep 100; echo $?';
    expect(await outputOf(['sh', '-c', script])).toBe('124\n0\n');
  });

  test('who computes takes its time: a timer reaches a loop that never waits', async () => {
    const script = 'trap "echo rang; exit 0" ALRM; (sleep 1; kill -ALRM $$) & while :; do :; done';
    expect(await outputOf(['sh', '-c', script])).toBe('rang\n');
  });
});

describe('python, in virtual time', () => {
  const python = which('python3');
  const when = python ? test : test.skip;
  if (!python) sayAbsent('python3');
  const run = (program: string): Promise<string> => outputOf(['python3', '-c', program]);

  when('time.sleep and both clocks', async () => {
    const program = `
import time
m, w = time.monotonic(), time.time()
for i in range(100): time.sleep(36)
m, w = time.monotonic() - m, time.time() - w
print(3600 <= m < 3660, 3600 <= w < 3660, abs(m - w) < 1)`;
    expect(await run(program)).toBe('True True True\n');
  });

  when('threads that sleep, join, and wait with a timeout', async () => {
    const program = `
import threading, time, queue
order = []
def work(n):
    time.sleep(n * 10)
    order.append(n)
threads = [threading.Thread(target=work, args=(n,)) for n in (5, 2, 8, 1, 9, 3)]
for t in threads: t.start()
for t in threads: t.join()
q = queue.Queue()
start = time.monotonic()
try: q.get(timeout=500)
except queue.Empty: order.append('empty')
e = threading.Event()
threading.Timer(300, e.set).start()
order.append(e.wait(1000))
passed = time.monotonic() - start
print(order, 800 <= passed < 830)`;
    expect(await run(program)).toBe("[1, 2, 3, 5, 8, 9, 'empty', True] True\n");
  });

  when('asyncio', async () => {
    const program = `
import asyncio
async def tell(n):
    await asyncio.sleep(n)
    print(n, flush=True)
async def main():
    await asyncio.gather(*(tell(n) for n in (300, 100, 200)))
    try: await asyncio.wait_for(asyncio.sleep(1000), 500)
    except asyncio.TimeoutError: print('late')
asyncio.run(main())`;
    expect(await run(program)).toBe('100\n200\n300\nlate\n');
  });

  when('select, poll, epoll and a socket with a timeout', async () => {
    const program = `
import select, socket, time
a, b = socket.socketpair()
def passed(f):
    t = time.monotonic()
    f()
    return round(time.monotonic() - t, -1)
p = select.poll(); p.register(a, select.POLLIN)
e = select.epoll(); e.register(a, select.EPOLLIN)
def receive():
    a.settimeout(400)
    try: a.recv(1)
    except socket.timeout: pass
print(passed(lambda: select.select([a], [], [], 100)), passed(lambda: p.poll(200_000)),
      passed(lambda: e.poll(300)), passed(receive))`;
    expect(await run(program)).toBe('100.0 200.0 300.0 400.0\n');
  });

  when('signal.setitimer', async () => {
    const program = `
import signal, time
rings = []
signal.signal(signal.SIGALRM, lambda *_: rings.append(round(time.monotonic() - start, -1)))
start = time.monotonic()
signal.setitimer(signal.ITIMER_REAL, 100, 50)
while len(rings) < 4: signal.pause()
print(rings)`;
    expect(await run(program)).toBe('[100.0, 150.0, 200.0, 250.0]\n');
  });
});

describe('guests that wait for the host, in virtual time', () => {
  test('time goes on as the host has it: what comes late is not missed', async () => {
    const child = spawn(process.execPath, [CLI, 'run', ...VIRTUAL, '--', 'timeout', '3600', 'cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: plainEnvironment(),
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    setTimeout(() => child.stdin.end('late\n'), 1500);
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect({ text, status }).toEqual({ text: 'late\n', status: 0 });
  });

  test('who reads what is there waits for nothing', async () => {
    const { stdout } = await troupe(VIRTUAL, ['sh'], { input: 'sleep 3600; echo done\n', timeoutMs: 30_000 });
    expect(stdout.toString()).toBe('done\n');
  });
});

/** What these programs check holds whether time leaps or not. */
describe.each(['time', 'vdso', 'timers', 'timerfd', 'poll', 'epoll', 'futex', 'signals', 'threads'])(
  '%s.c, in virtual time',
  (name) => {
    (gcc ? test : test.skip)('says what it says natively', async () => {
      // Where each look at the clock is a system call, fewer of them will do.
      await expectSame(compile(name, folder), ['20000'], { cwd: folder, sandbox: VIRTUAL, input: 'typed\n' });
    });
  },
);

test('--time takes real or virtual', async () => {
  const { status, stderr } = await troupe(['--time', 'imaginary'], ['true']);
  expect(status).toBe(125);
  expect(stderr).toMatch(/--time/);
});
