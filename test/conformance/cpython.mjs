/**
 * CPython's own tests, natively and under troupe: `npm run conformance [-- MODULE…]`.
 *
 * Each module runs by `python3 -m test -v`. A test that stops everything (no line for two minutes, or a
 * crash) is noted as such and the module is run again without it, so that one test does not hide the others.
 * With no modules named, all of them run and docs/conformance.md is written.
 *
 * Environment: TROUPE (the command line's main.js; default dist/cli/main.js), PYTHON (default
 * /usr/bin/python3), RESULTS (a directory that keeps each module's results as JSON).
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatCpython } from './cpython-page.mjs';
import { writeSection } from './page.mjs';
import { parseResults } from './parse.mjs';

const MODULES = [
  ...['test_os', 'test_posix', 'test_signal', 'test_threading', 'test_thread', 'test_subprocess'],
  ...['test_fcntl', 'test_pty', 'test_select', 'test_poll', 'test_mmap', 'test_wait3', 'test_wait4'],
  ...['test_fork1', 'test_multiprocessing_fork', 'test_multiprocessing_spawn', 'test_faulthandler'],
  ...['test_resource', 'test_time'],
];
/** Left out on both sides: it sets the clock of the machine, as root for everybody on it. */
const LEFT_OUT = ['test_monotonic_settime'];
const SILENCE_MS = 120_000;
const MODULE_MS = 1_200_000;
const ATTEMPTS = 12;

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const troupe = process.env.TROUPE ?? join(root, 'dist/cli/main.js');
const python = process.env.PYTHON ?? '/usr/bin/python3';
const asked = process.argv.slice(2);
const modules = asked.length > 0 ? asked : MODULES;

const rows = [];
for (const module of modules) {
  const native = await runModule([python], module);
  const guest = await runModule([process.execPath, troupe, 'run', '--', python], module);
  const row = { module, native, troupe: guest };
  rows.push(row);
  if (process.env.RESULTS) keep(process.env.RESULTS, row);
  report(row);
}
if (asked.length === 0) writeSection("CPython's own tests", formatCpython(rows, LEFT_OUT));

/** Runs a module until it ends by itself, without the tests that would not let it. */
async function runModule(command, module) {
  const started = Date.now();
  const outcomes = {};
  const without = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const ignored = [...LEFT_OUT, ...without].flatMap((test) => ['-i', test]);
    const run = await runOnce([...command, '-m', 'test', '-v', ...ignored, module]);
    const { results, running, finished } = parseResults(run.output);
    Object.assign(outcomes, results);
    if (finished) break;
    if (running === undefined || without.includes(running)) {
      outcomes['(module)'] = run.hung ? 'hang' : 'crash';
      break;
    }
    outcomes[running] = run.hung ? 'hang' : 'crash';
    without.push(running);
  }
  return { outcomes, seconds: (Date.now() - started) / 1000 };
}

/** One process group, killed as a whole when it says nothing for too long. */
function runOnce([file, ...args]) {
  const child = spawn(file, args, {
    cwd: tmpdir(),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  let output = '';
  let hung = false;
  const kill = () => {
    hung = true;
    process.kill(-child.pid, 'SIGKILL');
  };
  let silence = setTimeout(kill, SILENCE_MS);
  const whole = setTimeout(kill, MODULE_MS);
  const onData = (data) => {
    output += data.toString('latin1');
    clearTimeout(silence);
    silence = setTimeout(kill, SILENCE_MS);
  };
  child.stdout.on('data', onData);
  child.stderr.on('data', onData);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(silence);
      clearTimeout(whole);
      resolve({ output, hung, code });
    });
  });
}

function keep(directory, row) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${row.module}.json`), JSON.stringify(row, null, 1));
}

function report({ module, native, troupe: guest }) {
  const passed = Object.keys(native.outcomes).filter((t) => native.outcomes[t] === 'ok');
  const differing = passed.filter((t) => guest.outcomes[t] !== 'ok');
  const time = `${native.seconds.toFixed(1)} s natively, ${guest.seconds.toFixed(1)} s under troupe`;
  console.log(`${module}: ${passed.length - differing.length} of ${passed.length} agree (${time})`);
  for (const test of differing) console.log(`  ${guest.outcomes[test] ?? 'not run'}: ${test}`);
}
