// A process of its own that loads a kernel saved in the middle of the storm, lets it go on, and says what it saw.
import { Kernel } from 'troupe';

const DOTS = 3;
const [file, storm, tally] = process.argv.slice(2);
const kernel = await Kernel.loadFrom(file, { logLevel: 'error' });
const byPid = new Map(kernel.processes.map((process) => [process.pid, process]));
const running = byPid.get(Number(storm));
const counting = byPid.get(Number(tally));
if (!running || !counting) throw new Error(`of ${[...byPid.keys()]} are neither ${storm} nor ${tally}`);

let dots = 0;
const progress = new Promise((resolve) =>
  running.stdout.on('data', (chunk) => {
    dots += chunk.length;
    if (dots >= DOTS) resolve();
  }),
);
let values = '';
counting.stdout.on('data', (chunk) => (values += chunk));
const counted = new Promise((resolve) => counting.stdout.once('close', resolve));
const tasks = (await kernel.taskSet()).length;
// As often as it was paused when it was saved.
while (
  await kernel.unpause().then(
    () => true,
    () => false,
  )
);
await progress;
await kernel.sendExternalSignalThreadGroup(counting.pid, { signo: 34, value: -1n }, 'stress');
await counted;
const { exitCode } = await counting.completed;
await kernel.kill(0);
await kernel.waitExited();
await kernel.close();
console.log(JSON.stringify({ tasks, values: values.split('\n').filter(Boolean).map(Number), exitCode }));
