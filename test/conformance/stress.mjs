/**
 * stress-ng and rt-tests, natively and under troupe: `npm run stress-conformance [-- --seconds N] [NAME…]`.
 *
 * Natively each row is a process of its own. Under troupe all rows run one after another in one kernel, and
 * after each nothing may be left of it: no task, no stub process, no descriptor, no memory. With no names
 * given, all rows run and their section of docs/conformance.md is written.
 *
 * Environment: RESULTS, a directory that keeps each row as JSON; what is there already is not run again.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Kernel } from '../../dist/index.js';
import { leftBehind, settled } from './leaks.mjs';
import { writeSection } from './page.mjs';
import { formatStress } from './stress-page.mjs';
import { allRows } from './stressors.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '5' } },
});
const seconds = Number(values.seconds);
const GRACE_SECONDS = 60;
const NOBODY = { uid: 65_534, gid: 65_534 };
const LINES_KEPT = 6;
const WHERE = '/tmp';

const rows = allRows(seconds).filter((row) => positionals.length === 0 || positionals.includes(row.name));
const kernel = await Kernel.boot({ shards: 1, logLevel: 'error' });
// Lives as long as the kernel does: it is the init process, and takes in what stressors leave.
const init = kernel.spawn('sh', ['-c', 'read line'], { stdio: ['pipe', 'inherit', 'inherit'], cwd: '/' });
// What every kernel keeps once it was used: warm caches, a stub in reserve.
await inTroupe(
  ['stress-ng', '--temp-path', '/tmp', '--fork', '2', '--pipe', '2', '--vm', '1', '-t', '1s'],
  NOBODY,
);

const done = [];
for (const row of rows) {
  const result = earlier(row) ?? (await run(row));
  done.push(result);
  report(result);
}
init.stdin.end();
await kernel.close();
if (positionals.length === 0) writeSection('stress-ng and rt-tests', formatStress(done, seconds));

async function run(row) {
  const user = row.root ? { uid: 0, gid: 0 } : NOBODY;
  const native = await natively(row.argv, user);
  const before = await settled(kernel);
  const troupe = await inTroupe(row.argv, user);
  const left = await leftBehind(kernel, before);
  const result = { name: row.name, unsupported: row.unsupported, native, troupe, before, left };
  if (process.env.RESULTS) {
    mkdirSync(process.env.RESULTS, { recursive: true });
    writeFileSync(fileOf(row), JSON.stringify(result, null, 1));
  }
  return result;
}

function earlier(row) {
  if (!process.env.RESULTS || positionals.length > 0 || !existsSync(fileOf(row))) return undefined;
  return JSON.parse(readFileSync(fileOf(row), 'utf8'));
}

function fileOf(row) {
  return join(process.env.RESULTS, `${row.name}.json`);
}

function natively([command, ...args], { uid, gid }) {
  const ids = process.getuid() === 0 ? { uid, gid } : {};
  const options = { cwd: WHERE, detached: true, stdio: ['ignore', 'pipe', 'pipe'], ...ids };
  const child = spawn(command, args, options);
  return outcome(child, () => process.kill(-child.pid, 'SIGKILL'));
}

function inTroupe([command, ...args], user) {
  const child = kernel.spawn(command, args, { cwd: WHERE, user, stdio: ['ignore', 'pipe', 'pipe'] });
  return outcome(child, () => child.kill('SIGKILL'));
}

/** { status, skipped, said }: how it ended, in one word, and the end of what it said. */
async function outcome(child, kill) {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
  let late = false;
  const timer = setTimeout(
    () => {
      late = true;
      kill();
    },
    (seconds + GRACE_SECONDS) * 1000,
  );
  const status = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(signal ?? code));
  });
  clearTimeout(timer);
  const said = text
    .split('\n')
    .filter((line) => line && !/info:.*(setting to|dispatching|successful)/.test(line));
  const skipped = status === 3 || /No stress workers invoked|skipping st\w*or/.test(text);
  return { outcome: late ? 'hangs' : word(status, skipped), said: said.slice(-LINES_KEPT) };
}

function word(status, skipped) {
  if (skipped) return 'skipped';
  return status === 0 ? 'passes' : `fails (${status})`;
}

function report({ name, native, troupe, left }) {
  const differs = native.outcome !== troupe.outcome;
  console.log(
    `${name}: ${native.outcome}${differs ? `, under troupe ${troupe.outcome}` : ''}${left ? `; left: ${left}` : ''}`,
  );
  if (differs) for (const line of troupe.said) console.log(`    ${line}`);
}
