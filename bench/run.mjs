/**
 * npm run bench [-- --rounds N] [--only WORD]... [--tools NAME,...] [--write]
 *
 * --only keeps the rows whose name has the word (again for more), --tools those columns beside native.
 * Times troupe beside native, gVisor, strace and proot in one run: rounds are interleaved, so that what
 * the machine does meanwhile hits all alike, and medians are compared. Prints a Markdown page; --write
 * puts it in docs/benchmarks.md.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cases, START } from './cases.mjs';
import { idleMemory } from './memory.mjs';
import { buildCommand } from './project.mjs';
import { found, tools } from './tools.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', multiple: true },
    tools: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const whole = values.only === undefined && values.tools === undefined;
if (values.write && !whole) throw new Error('--write wants all rows and tools');
const TIMEOUT_MS = 120_000;
const SWING = 1.5;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

// Not /tmp: a sandbox may have one of its own.
const folder = mkdtempSync('/var/tmp/troupe-bench-');
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
await main();

async function main() {
  const present = wantedTools();
  const wanted = wantedCases();

  /** @type {Map<string, number[]>} */
  const times = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const test of wanted) {
      for (const tool of inTurn(present, round).filter((t) => compared(test, t))) {
        progress(`round ${round + 1} of ${rounds}: ${test.name}, ${tool.name}`);
        note(times, `${test.name} ${tool.name}`, await measure(test, tool));
      }
    }
  }
  progress('');
  const page = [heading(present), '', ...table(wanted, present, times), ''];
  if (whole) page.push(await memoryLine(present), '');
  console.log(page.join('\n'));
  if (values.write) writeFileSync(join(import.meta.dirname, '..', 'docs', 'benchmarks.md'), page.join('\n'));
}

function wantedTools() {
  const names = values.tools?.split(',');
  return tools().filter(
    (t) => t.name === 'native' || !names || names.some((name) => t.name.startsWith(name)),
  );
}

function wantedCases() {
  const all = cases({
    program: compileProgram(),
    bigFile: () => madeFile('big', 1024),
    middleFile: () => madeFile('middle', 300),
    build: buildCommand(folder),
    found,
  });
  const asked = all.filter((c) => (values.only ?? ['']).some((word) => c.name.includes(word)));
  const needStart = asked.some((c) => c.lessStart);
  return all.filter((c) => asked.includes(c) || (needStart && c.name === START));
}

function compared(test, tool) {
  return tool.prefix !== undefined && (test.beside?.includes(tool.name) ?? true);
}

/** One line that is written over, for who watches. */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function compileProgram() {
  const output = join(folder, 'bench');
  const sources = ['bench.c', 'tasks.c'].map((name) => join(import.meta.dirname, 'guest', name));
  const done = spawnSync('gcc', ['-O2', '-static', '-pthread', '-o', output, ...sources], {
    stdio: 'inherit',
  });
  if (done.status === 0) return output;
  console.error('gcc is absent or has no static C library: what is timed inside a guest is left out');
  return undefined;
}

/** A file that is in the page cache, made when a row first wants it. */
function madeFile(name, megabytes) {
  const path = join(folder, name);
  if (existsSync(path)) return path;
  const block = randomFillSync(Buffer.alloc(1 << 20));
  const fd = openSync(path, 'w');
  for (let i = 0; i < megabytes; i++) writeSync(fd, block);
  fsyncSync(fd); // Written back now, not while something is timed.
  closeSync(fd);
  execFileSync('cat', [path], { stdio: ['ignore', 'ignore', 'inherit'] });
  return path;
}

function unitsOf(test, tool) {
  return test.units?.[tool.name] ?? test.units?.usual ?? 1;
}

/** Who comes first differs by round: none is always the one that follows the slowest. */
function inTurn(list, round) {
  const first = round % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

/** The time of one run in the case's unit, or NaN when it failed. */
async function measure(test, tool) {
  const [command, ...args] = [...tool.prefix, ...test.argv(unitsOf(test, tool))];
  const start = performance.now();
  const { status, stdout } = await runOnce(command, args, test.read ? 'pipe' : 'ignore');
  const tookMs = performance.now() - start;
  if (status !== 0) return Number.NaN;
  return test.read ? test.read(stdout) : tookMs;
}

function runOnce(command, args, stdout) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', stdout, 'ignore'], detached: true });
    const kill = () => process.kill(-child.pid, 'SIGKILL');
    const timer = setTimeout(kill, TIMEOUT_MS);
    process.once('exit', kill); // It leads a group of its own, which who ends this program does not reach.
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    child.on('error', () => resolve({ status: -1, stdout: '' }));
    child.on('close', (status) => {
      clearTimeout(timer);
      process.off('exit', kill);
      resolve({ status, stdout: text });
    });
  });
}

function note(times, key, value) {
  const list = times.get(key) ?? [];
  times.set(key, [...list, value]);
}

function median(list) {
  const sorted = list.filter((n) => !Number.isNaN(n)).sort((a, b) => a - b);
  return sorted.length * 2 > list.length ? sorted[sorted.length >> 1] : Number.NaN;
}

/** A mark where the machine was so restless that the row says little. */
function swung(list) {
  const quick = Math.min(...list);
  return Math.max(...list) > quick * SWING ? ' ~' : '';
}

function heading(present) {
  const notes = present.filter((t) => t.prefix && t.note).map((t) => `${t.name}: ${t.note}`);
  const absent = present.filter((t) => !t.prefix).map((t) => t.name);
  return [
    '# Benchmarks',
    '',
    `Medians of ${rounds} interleaved rounds by \`npm run bench\`; in brackets, times native. ${cpus()[0]?.model},`,
    `${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}.`,
    `~ marks a row whose slowest native round took more than ${SWING} times its quickest.`,
    `${notes.join('; ')}.${absent.length > 0 ? ` Absent or not working here: ${absent.join(', ')}.` : ''}`,
  ].join('\n');
}

function table(wanted, present, times) {
  const of = (test, tool) => {
    const middle = median(times.get(`${test.name} ${tool.name}`) ?? []);
    if (!test.lessStart) return middle;
    return (middle - median(times.get(`${START} ${tool.name}`) ?? [])) / unitsOf(test, tool);
  };
  const native = present[0];
  const rows = wanted.map((test) => {
    const base = of(test, native);
    const cells = present.map((tool) => {
      if (!tool.prefix) return 'absent';
      if (!compared(test, tool)) return '';
      const time = of(test, tool);
      if (Number.isNaN(time)) return 'fails';
      if (tool === native)
        return `${show(time)} ${test.unit}${swung(times.get(`${test.name} ${tool.name}`))}`;
      return `${show(time)} (×${show(time / base)})`;
    });
    const limit = test.limit === undefined ? '' : `≤ ×${test.limit}`;
    return `| ${[test.name, ...cells, limit].join(' | ')} |`;
  });
  return [
    `| ${['what', ...present.map((t) => t.name), 'wanted of troupe'].join(' | ')} |`,
    `|${' --- |'.repeat(present.length + 2)}`,
    ...rows,
  ];
}

function show(n) {
  if (n >= 100) return Math.round(n).toLocaleString('en-US');
  return n >= 10 ? n.toFixed(1) : n.toFixed(2);
}

async function memoryLine(present) {
  const memory = await idleMemory(present.find((t) => t.name === 'troupe').prefix);
  if (!memory) return 'Resident memory of an idle kernel: not measured, the guest did not start.';
  const { node, stubs, total } = memory;
  return (
    `Resident memory of an idle kernel (one guest that sleeps): ${total} MiB, of which Node ${node} MiB ` +
    `and stub processes ${stubs} MiB (proportional set size).`
  );
}
