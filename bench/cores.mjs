// What a system call costs the shards, in CPU time of their threads: `node bench/cores.mjs PROGRAM [ARGUMENT…]`
// runs two copies of the program (a host's binary) packed on one shard and spread over two, and says
// how long they took and how much CPU each shard used. CPU time tells also where a busy machine does not.
import { readdirSync, readFileSync } from 'node:fs';
import { Kernel } from '../dist/index.js';

const [program, ...args] = process.argv.slice(2);

/** Nanoseconds that threads of this process have run, by thread. */
function threadTimes() {
  const times = new Map();
  for (const tid of readdirSync('/proc/self/task')) {
    times.set(tid, Number(readFileSync(`/proc/self/task/${tid}/schedstat`, 'latin1').split(' ')[0]));
  }
  return times;
}

for (const options of [
  { cores: 2, shards: 1, placement: 'pack' },
  { cores: 2, shards: 2, placement: 'spread' },
]) {
  const kernel = await Kernel.boot({
    ...options,
    binds: [{ source: program, target: '/tmp/program', readOnly: true }],
  });
  await kernel.spawn('/bin/true', [], { stdio: 'ignore' }).completed;
  const before = threadTimes();
  const start = performance.now();
  const guests = [0, 1].map(() => kernel.spawn('/tmp/program', args, { stdio: 'ignore' }).completed);
  await Promise.all(guests);
  const ms = performance.now() - start;
  const used = [...threadTimes()]
    .map(([tid, ns]) => (ns - (before.get(tid) ?? 0)) / 1e6)
    .filter((cpu) => cpu > 1)
    .sort((a, b) => b - a);
  console.log(
    `${options.placement.padEnd(7)} ${ms.toFixed(0)} ms; CPU ms by thread: ${used.map((t) => t.toFixed(0)).join(' ')}`,
  );
  await kernel.close();
}
