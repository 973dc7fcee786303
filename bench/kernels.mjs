// Many kernels in one process: `node bench/kernels.mjs [KERNELS] [ALIVE]` boots KERNELS kernels, ALIVE of
// them at a time, runs a program in each, closes them, and says what each cost and what is left behind.
import { readdirSync, readFileSync } from 'node:fs';
import { Kernel } from '../dist/index.js';

const [kernels = 200, alive = 20] = process.argv.slice(2).map(Number);
const MIB = 2 ** 20;

const resident = () => Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
const threads = () => readdirSync('/proc/self/task').length;
const descriptors = () => readdirSync('/proc/self/fd').length;

async function one(during) {
  const kernel = await Kernel.boot({ cores: 1, placement: 'pack' });
  try {
    const guest = kernel.spawn('/bin/echo', ['hello'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    guest.stdout.on('data', (chunk) => {
      text += chunk;
    });
    const closed = new Promise((resolve) => guest.once('close', resolve));
    const { exitCode } = await guest.completed;
    await closed;
    if (exitCode !== 0 || text !== 'hello\n') throw new Error(`status ${exitCode}, output ${text}`);
    await during();
  } finally {
    await kernel.close();
  }
}

/** Runs `count` at once; all of them live when `measure` is called. */
async function batch(count, measure) {
  let ready = 0;
  let open;
  const all = new Promise((resolve) => {
    open = resolve;
  });
  const during = () => {
    if (++ready === count) {
      measure();
      open();
    }
    return all;
  };
  await Promise.all(Array.from({ length: count }, () => one(during)));
}

await batch(1, () => {});
const before = { resident: resident(), threads: threads(), descriptors: descriptors() };
let most = 0;
const cpu = process.cpuUsage();
const start = performance.now();
for (let done = 0; done < kernels; done += alive) {
  await batch(Math.min(alive, kernels - done), () => {
    most = Math.max(most, resident());
  });
}
const ms = performance.now() - start;
const used = process.cpuUsage(cpu);
globalThis.gc?.();
await new Promise((resolve) => setTimeout(resolve, 100));
const figures = {
  kernels,
  alive,
  msEach: ms / kernels,
  cpuMsEach: (used.user + used.system) / 1000 / kernels,
  mibEach: (most - before.resident) / alive / MIB,
  leftMib: (resident() - before.resident) / MIB,
  leftThreads: threads() - before.threads,
  leftDescriptors: descriptors() - before.descriptors,
};
console.log(JSON.stringify(figures, (_, v) => (typeof v === 'number' ? Math.round(v * 10) / 10 : v)));
