/**
 * How long it takes to save a guest that uses so much memory, and to load it: until the file is there, and until the
 * loaded kernel could go on. The memory is a pattern that does not compress to nothing. What is left on the disk's side
 * is the page cache's business: nothing is synced.
 *
 *     node bench/save.mjs [MIB] [ROUNDS] [DIRECTORY]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Kernel } from '../dist/index.js';

const MIB = Number(process.argv[2] ?? 256);
const ROUNDS = Number(process.argv[3] ?? 7);
const folder = mkdtempSync(join(process.argv[4] ?? tmpdir(), 'troupe-bench-'));
const file = join(folder, 'kernel');

const program = [
  `b = bytearray(range(256)) * (${MIB} << 12)`,
  'for i in range(0, len(b), 4096): b[i:i+8] = (i * 0x9e3779b97f4a7c15 % 2**64).to_bytes(8, "little")',
  'print("ready", flush=True); input()',
].join('\n');

const kernel = await Kernel.boot({ shards: 1 });
const guest = kernel.spawn('python3', ['-c', program]);
await new Promise((resolve) => guest.stdout.once('data', resolve));
await kernel.pause();

const times = { save: [], load: [] };
async function timed(what, act) {
  const before = performance.now();
  const result = await act();
  times[what].push(performance.now() - before);
  return result;
}
try {
  for (let round = 0; round < ROUNDS; round++) {
    rmSync(file, { force: true });
    await timed('save', () => kernel.saveTo(file));
    const loaded = await timed('load', () => Kernel.loadFrom(file));
    await loaded.close();
  }
  for (const [what, all] of Object.entries(times)) {
    all.sort((a, b) => a - b);
    const ms = (part) => `${all[Math.min(all.length - 1, Math.floor(all.length * part))].toFixed(0)} ms`;
    console.log(`${what}  median ${ms(0.5)}  best ${ms(0)}  worst ${ms(1)}`);
  }
  console.log(`file  ${(statSync(file).size / 2 ** 20).toFixed(0)} MiB for ${MIB} MiB in use`);
} finally {
  rmSync(folder, { recursive: true });
  await kernel.close();
}
