/**
 * How long `pause` takes until everything has stopped, by what is paused: one guest that computes, one that
 * sleeps, one that writes to a pipe, and 100 of all three kinds. And what the sandbox uses meanwhile.
 *
 *     node bench/pause.mjs [ROUNDS]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kernel } from '../dist/index.js';

const ROUNDS = Number(process.argv[2] ?? 50);
const IDLE_MS = 1_000;

const COMPUTE = 'while :; do :; done';
const SLEEP = 'exec sleep 1000';
/** Two tasks. */
const PIPE = 'yes | exec cat >/dev/null';
const SETS = {
  computing: [COMPUTE],
  sleeping: [SLEEP],
  'writing to a pipe': [PIPE],
  '100 tasks': [...Array(34).fill(COMPUTE), ...Array(33).fill(SLEEP), ...Array(11).fill(PIPE)],
};

const at = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

for (const [name, scripts] of Object.entries(SETS)) {
  const kernel = await Kernel.boot({ shards: 1 });
  for (const script of scripts) kernel.spawn('sh', ['-c', script], { stdio: 'ignore' });
  await sleep(IDLE_MS);
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = performance.now();
    await kernel.pause();
    times.push(performance.now() - before);
    await kernel.unpause();
    await sleep(20);
  }
  await kernel.pause();
  const tasks = (await kernel.taskSet()).length;
  await sleep(100);
  const own = process.cpuUsage();
  const stubs = stubTicks();
  await sleep(IDLE_MS);
  const { user, system } = process.cpuUsage(own);
  times.sort((a, b) => a - b);
  const ms = (part) => at(times, part).toFixed(1).padStart(7);
  console.log(
    `${name.padEnd(18)} ${String(tasks).padStart(4)} tasks  median${ms(0.5)} ms  p95${ms(0.95)} ms  worst${ms(1)} ms` +
      `  while paused: stubs ${stubTicks() - stubs} ticks, kernel ${((user + system) / 1000).toFixed(1)} ms a second`,
  );
  await kernel.close();
}

/** Of user and system time, 10 ms each. */
function stubTicks() {
  let ticks = 0;
  for (const pid of descendants(process.pid)) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It has ended.
    }
  }
  return ticks;
}

function descendants(pid) {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((tid) =>
      readFileSync(`/proc/${pid}/task/${tid}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}
