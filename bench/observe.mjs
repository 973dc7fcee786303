/**
 * node bench/observe.mjs [--rounds N] [--calls N]
 *
 * What observing costs a guest that does nothing but system calls (test/guest/c/many-calls.c): a process
 * of its own for each run, runs interleaved, and CPU time counted beside the clock, since the machine may
 * be busy. Prints a Markdown table.
 *
 *   nobody      no observer                                   the base of the others
 *   other       an observer of something else                 the price of being observable
 *   1 in 1000   every thousandth call matches the filter      live, in this process
 *   all         every call is delivered, the rest dropped     events a second, and drops
 *   lossless    every call is delivered, the guest waits
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILTERS = {
  nobody: undefined,
  other: { types: ['syscall'], syscalls: 'mount' },
  '1 in 1000': { types: ['syscall'], syscalls: 'getppid' },
  all: { types: ['syscall'] },
  lossless: { types: ['syscall'], lossless: true },
};

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};

if (option('run')) await runOne(option('run'), option('program'), Number(option('calls')));
else compare(Number(option('rounds', '5')), Number(option('calls', '1000000')));

/** One kernel, one guest; the figures as JSON on stdout. */
async function runOne(name, program, calls) {
  const { Kernel } = await import('troupe');
  const kernel = await Kernel.boot({
    shards: 1,
    binds: [{ source: program, target: '/many-calls', readOnly: true }],
  });
  const filter = FILTERS[name];
  let events = 0;
  let dropped = 0;
  if (filter) {
    kernel.observe(filter).subscribe((event) => {
      if (event.type === 'dropped') dropped += event.count;
      else events++;
    });
  }
  const run = (count) => kernel.spawn('/many-calls', [String(count), '1000'], { stdio: 'ignore' }).completed;
  await run(20_000);
  const cpu = process.cpuUsage();
  const start = performance.now();
  await run(calls);
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  await kernel.close();
  console.log(
    JSON.stringify({ ns: (ms * 1e6) / calls, cpuNs: ((user + system) * 1e3) / calls, events, dropped, ms }),
  );
}

function compare(rounds, calls) {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-bench-'));
  const program = join(folder, 'many-calls');
  const source = fileURLToPath(new URL('../test/guest/c/many-calls.c', import.meta.url));
  execFileSync('gcc', ['-O2', '-static', '-o', program, source]);
  const results = new Map(Object.keys(FILTERS).map((name) => [name, []]));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [name, runs] of results) {
        const words = ['--run', name, '--program', program, '--calls', String(calls)];
        const { stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...words], {
          encoding: 'utf8',
          timeout: 120_000,
        });
        if (stdout.trim() === '') throw new Error(`${name}: ${stderr}`);
        runs.push(JSON.parse(stdout));
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const base = median(results.get('nobody').map((r) => r.ns));
  const baseCpu = median(results.get('nobody').map((r) => r.cpuNs));
  console.log(`${calls} calls, medians of ${rounds} interleaved rounds\n`);
  console.log(
    '| observer | ns a call | of nobody | host CPU ns a call | of nobody | events | dropped | events/s |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const [name, runs] of results) {
    const of = (pick) => median(runs.map(pick));
    const ns = of((r) => r.ns);
    const cpu = of((r) => r.cpuNs);
    const row = [
      name,
      ns.toFixed(0),
      `${((100 * ns) / base - 100).toFixed(1)} %`,
      cpu.toFixed(0),
      `${((100 * cpu) / baseCpu - 100).toFixed(1)} %`,
      of((r) => r.events),
      of((r) => r.dropped),
      Math.round(of((r) => r.events / (r.ms / 1e3))),
    ];
    console.log(`| ${row.join(' | ')} |`);
  }
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
