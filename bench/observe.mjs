/**
 * node bench/observe.mjs [--calls N] [--rounds N] [--processes N] [--only NAME,NAME…] [--dist FOLDER]
 *
 * What observing costs a guest that does nothing but system calls (guest/call-rounds.c). The machine is
 * quicker at some hours and in some placements of its threads than in others, so one guest process makes all
 * its calls, in short turns: one unobserved, one observed, each kind of observer in turn. What is compared is
 * neighbours; the table has medians. Several processes of this program, since a placement may last. --dist
 * measures another build.
 *
 *   other       an observer of something else                 the price of being observable
 *   1 in 1000   every thousandth call matches the filter      live, in this process
 *   all         every call is delivered, the rest dropped     events a second, and drops
 *   lossless    every call is delivered, the guest waits
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILTERS = {
  other: { types: ['syscall'], syscalls: 'mount' },
  '1 in 1000': { types: ['syscall'], syscalls: 'getppid' },
  all: { types: ['syscall'] },
  lossless: { types: ['syscall'], lossless: true },
};
const STEP = 1000;

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const calls = Number(option('calls', '200000'));
const rounds = Number(option('rounds', '7'));
const processes = Number(option('processes', '3'));
const only = option('only')?.split(',') ?? Object.keys(FILTERS);

if (option('program')) await measure(option('program'));
else await compare();

/** One kernel, one guest; the turns as JSON on stdout. */
async function measure(program) {
  // Whoever wants the figures may be killed.
  process.stdin.once('end', () => process.exit(1)).resume();
  const { Kernel } = await import(resolve(option('dist', 'dist'), 'index.js'));
  const binds = [{ source: program, target: '/call-rounds', readOnly: true }];
  const kernel = await Kernel.boot({ shards: 1, binds });
  const guest = kernel.spawn('/call-rounds', [String(calls), String(STEP)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const turns = [];
  await turn(kernel, guest, undefined);
  for (const name of only) await turn(kernel, guest, FILTERS[name]);
  for (let round = 0; round < rounds; round++) {
    for (const name of only) {
      const base = await turn(kernel, guest, undefined);
      turns.push({ name, base, ...(await turn(kernel, guest, FILTERS[name])) });
    }
  }
  guest.stdin.end();
  await kernel.close();
  process.stdin.destroy();
  console.log(JSON.stringify(turns));
}

/** Figures of one turn, observed by a filter or unobserved. */
async function turn(kernel, guest, filter) {
  let events = 0;
  let dropped = 0;
  const observer =
    filter &&
    kernel.observe(filter).subscribe((event) => {
      if (event.type === 'dropped') dropped += event.count;
      else events++;
    });
  // Asked of the shard: the observer is in force when it answers.
  await kernel.taskSet();
  const cpu = process.cpuUsage();
  const line = new Promise((resolve) => guest.stdout.once('data', resolve));
  guest.stdin.write('.');
  const ns = Number(await line);
  const { user, system } = process.cpuUsage(cpu);
  const delivered = events;
  observer?.unsubscribe();
  return { ns: ns / calls, cpuNs: ((user + system) * 1e3) / calls, events: delivered, dropped };
}

async function compare() {
  // Beside the build, where it may stay: nothing is left in /tmp however this ends.
  const folder = fileURLToPath(new URL('../dist/bench', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const program = join(folder, 'call-rounds');
  const source = fileURLToPath(new URL('guest/call-rounds.c', import.meta.url));
  execFileSync('gcc', ['-O2', '-static', '-o', program, source]);
  const words = [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--program', program];
  const turns = [];
  for (let n = 0; n < processes; n++) turns.push(...JSON.parse(await outputOf(words)));
  print(turns);
}

/** What node says when it runs this; its stdin ends with us. */
async function outputOf(words) {
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  const status = await new Promise((resolve) => child.once('close', resolve));
  if (status !== 0) throw new Error(`a measuring process ended with ${status}`);
  return output;
}

function print(turns) {
  console.log(
    `${rounds} × ${processes} turns of ${calls} calls, each beside an unobserved one: ` +
      `${median(turns.map((t) => t.base.ns)).toFixed(0)} ns a call, ` +
      `${median(turns.map((t) => t.base.cpuNs)).toFixed(0)} ns of host CPU. Medians.\n`,
  );
  console.log('| observer | ns a call | more | host CPU ns a call | more | events | dropped | events/s |');
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const name of only) {
    const own = turns.filter((t) => t.name === name);
    const of = (pick) => median(own.map(pick));
    const row = [
      name,
      of((t) => t.ns).toFixed(0),
      percent(of((t) => t.ns / t.base.ns)),
      of((t) => t.cpuNs).toFixed(0),
      percent(of((t) => t.cpuNs / t.base.cpuNs)),
      of((t) => t.events),
      of((t) => t.dropped),
      Math.round(of((t) => (t.events * 1e9) / (t.ns * calls))),
    ];
    console.log(`| ${row.join(' | ')} |`);
  }
}

function percent(ratio) {
  return `${(100 * ratio - 100).toFixed(1)} %`;
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
