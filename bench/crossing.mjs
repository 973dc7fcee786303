// What a system call costs where its guest runs on the home shard, and where on another: CPU time of all threads of
// this process and of all stubs, a call. `node bench/crossing.mjs [-n ROUNDS] [ROW…]`; medians of interleaved rounds.
// In brackets: the part of
// this process, and time. TROUPE_DIST names another build to measure.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { Kernel } = await import(process.env.TROUPE_DIST ?? '../dist/index.js');

/** Units a round: some 0.2 s each. */
const ROWS = {
  getpid: 30000,
  getppid: 30000,
  fstat: 30000,
  write: 30000,
  pread: 20000,
  poll: 20000,
  ppoll: 20000,
  open: 8000,
  mmap: 4000,
  pipe: 4000,
  fork: 200,
  exec: 100,
  dynamic: 50,
};
const args = process.argv.slice(2);
const rounds = args[0] === '-n' ? Number(args.splice(0, 2)[1]) : 5;
const rows = args.length > 0 ? args : Object.keys(ROWS);
for (const row of rows) {
  if (row in ROWS) continue;
  console.error(`no row ${row}; there are ${Object.keys(ROWS).join(', ')}`);
  process.exit(2);
}

/** The same program, alone or twice, on the home shard or over two. */
const WHERE = [
  { name: 'home', guests: 1, options: { cores: 2, shards: 1, placement: 'pack' } },
  { name: 'other shard', guests: 1, options: { cores: 2, shards: 2, placement: 'spread' } },
  { name: '2 at home', guests: 2, options: { cores: 2, shards: 1, placement: 'pack' } },
  { name: '2 spread', guests: 2, options: { cores: 2, shards: 2, placement: 'spread' } },
];

const read = (path) => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** Nanoseconds that this process and the stubs that it has have run, and those of this process. */
function cpuNs() {
  const parents = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    parents.set(pid, /\) \S (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1]);
  }
  const mine = (pid) => pid !== undefined && (pid === String(process.pid) || mine(parents.get(pid)));
  let [all, own] = [0, 0];
  for (const pid of parents.keys()) {
    if (!mine(pid)) continue;
    for (const tid of readdirSync(`/proc/${pid}/task`)) {
      const ns = Number(read(`/proc/${pid}/task/${tid}/schedstat`).split(' ')[0]);
      all += ns;
      if (pid === String(process.pid)) own += ns;
    }
  }
  return { all, own };
}

function said(guest, word) {
  return new Promise((resolve, reject) => {
    let text = '';
    const listen = (chunk) => {
      text += chunk;
      if (!text.includes(word)) return;
      guest.stdout.off('data', listen);
      resolve();
    };
    guest.stdout.on('data', listen);
    guest.completed.then(() => reject(new Error(`it ended before it said ${word}`)), reject);
  });
}

/** Microseconds of CPU, and of time, a unit. */
async function measure(program, row, { options, guests }) {
  const kernel = await Kernel.boot({
    ...options,
    binds: [{ source: program, target: '/tmp/crossing', readOnly: true }],
  });
  const n = ROWS[row];
  const all = Array.from({ length: guests }, () =>
    kernel.spawn('/tmp/crossing', [row, String(n)], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  await Promise.all(all.map((guest) => said(guest, 'ready')));
  const [cpu, start] = [cpuNs(), performance.now()];
  for (const guest of all) guest.stdin.write('x');
  await Promise.all(all.map((guest) => said(guest, 'done')));
  const { all: allUsed, own } = cpuNs();
  const ms = performance.now() - start;
  for (const guest of all) guest.stdin.end();
  await Promise.all(all.map((guest) => guest.completed));
  await kernel.close();
  const us = (ns) => ns / 1000 / n / guests;
  return { cpu: us(allUsed - cpu.all), shards: us(own - cpu.own), time: (ms * 1000) / n / guests };
}

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

const dir = mkdtempSync(join(tmpdir(), 'crossing-'));
try {
  const program = join(dir, 'crossing');
  const source = join(import.meta.dirname, 'guest', 'crossing.c');
  const { status } = spawnSync('gcc', ['-O2', '-static', '-o', program, source], { stdio: 'inherit' });
  if (status !== 0) process.exit(1);
  console.log(`µs of CPU a call (of it shards; time), median of ${rounds}`);
  for (const row of rows) {
    const results = WHERE.map(() => []);
    for (let i = 0; i < rounds; i++) {
      for (const [w, where] of WHERE.entries()) results[w].push(await measure(program, row, where));
    }
    const figures = results.map((r) => ({
      cpu: median(r.map((x) => x.cpu)),
      time: median(r.map((x) => x.time)),
      shards: median(r.map((x) => x.shards)),
    }));
    const text = WHERE.map(
      ({ name }, w) =>
        `${name} ${figures[w].cpu.toFixed(1)} (${figures[w].shards.toFixed(1)}, ${figures[w].time.toFixed(1)})`,
    );
    const ratios = `× ${(figures[1].cpu / figures[0].cpu).toFixed(2)}, × ${(figures[3].cpu / figures[2].cpu).toFixed(2)}`;
    console.log(`${row.padEnd(8)} ${text.join('  ')}  ${ratios}`);
  }
} finally {
  rmSync(dir, { recursive: true });
}
