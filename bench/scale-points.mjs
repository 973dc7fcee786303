// Measured points for bench/scale-model.mjs: guests that do as its profiles say, on one core of this machine and on
// two, on one shard or two. `node bench/scale-points.mjs [ROUNDS]` prints JSON: throughput against one core, the median
// of interleaved rounds; `node bench/scale-points.mjs > bench/scale-points.json` keeps it for the plot.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Rows of bench/guest/crossing.c, and units a guest: some 0.3 s. */
const PROFILES = [
  { name: 'memory and signals', row: 'as-memory', units: 20_000 },
  { name: 'processes (fork, exec, exit)', row: 'as-processes', units: 100 },
  { name: 'small files', row: 'as-files', units: 10_000 },
  { name: 'computing', row: 'as-computing', units: 150 },
];
const CONFIGURATIONS = [
  { cores: 1, policy: 'pack' },
  { cores: 2, policy: 'pack' },
  { cores: 2, policy: 'spread' },
];

/** Units a second of two guests a core. */
async function throughput(program, row, units, cores, policy) {
  const { Kernel } = await import('../dist/index.js');
  const kernel = await Kernel.boot({
    cores,
    shards: policy === 'pack' ? 1 : cores,
    placement: policy,
    binds: [{ source: program, target: '/tmp/crossing', readOnly: true }],
  });
  const guests = Array.from({ length: 2 * cores }, () =>
    kernel.spawn('/tmp/crossing', [row, String(units)], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  const said = (word) =>
    Promise.all(
      guests.map(
        (guest) =>
          new Promise((resolve, reject) => {
            guest.stdout.on('data', (chunk) => String(chunk).includes(word) && resolve());
            guest.completed.then(() => reject(new Error(`it ended before it said ${word}`)), reject);
          }),
      ),
    );
  await said('ready');
  const start = performance.now();
  const done = said('done');
  for (const guest of guests) guest.stdin.write('x');
  await done;
  const seconds = (performance.now() - start) / 1000;
  for (const guest of guests) guest.stdin.end();
  await Promise.all(guests.map((guest) => guest.completed));
  await kernel.close();
  return (guests.length * units) / seconds;
}

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

function main(rounds) {
  const dir = mkdtempSync(join(tmpdir(), 'points-'));
  try {
    const program = join(dir, 'crossing');
    const source = join(import.meta.dirname, 'guest', 'crossing.c');
    if (spawnSync('gcc', ['-O2', '-static', '-o', program, source], { stdio: 'inherit' }).status !== 0)
      process.exit(1);
    const found = PROFILES.flatMap(({ name, row, units }) =>
      CONFIGURATIONS.map((c) => ({ name, row, units, ...c, all: [] })),
    );
    for (let i = 0; i < rounds; i++) {
      for (const point of found) {
        const { row, units, cores, policy, all } = point;
        const what = [fileURLToPath(import.meta.url), 'run', program, row, units, cores, policy].map(String);
        const run = spawnSync('taskset', ['-c', cores === 1 ? '0' : '0,1', process.execPath, ...what], {
          encoding: 'utf8',
        });
        if (run.status !== 0) throw new Error(run.stderr);
        all.push(Number(run.stdout));
      }
    }
    const points = found.map(({ name, cores, policy, all }) => {
      const one = median(found.find((p) => p.name === name && p.cores === 1).all);
      return {
        name,
        cores,
        policy,
        times: Number((median(all) / one).toFixed(2)),
        perSecond: Math.round(median(all)),
      };
    });
    console.log(JSON.stringify(points, undefined, 2));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const [first = '5', program, row, units, cores, policy] = process.argv.slice(2);
if (first === 'run') console.log(await throughput(program, row, Number(units), Number(cores), policy));
else main(Number(first));
