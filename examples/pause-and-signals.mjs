// Freezes a sandbox in the middle of its work, looks at it, signals a process in it, and lets it go on.
// Run it: node examples/pause-and-signals.mjs
import { Kernel } from 'troupe';

const SIGUSR1 = 10;
const kernel = await Kernel.boot({ shards: 1 });

const script = 'trap "echo heard; exit 0" USR1; while :; do echo tick; sleep 0.05; done';
const guest = kernel.spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
let text = '';
guest.stdout.on('data', (chunk) => {
  text += chunk;
});
while (!text.includes('tick')) await new Promise((resolve) => guest.stdout.once('data', resolve));

await kernel.pause();
const frozen = text;
for (const task of await kernel.taskSet()) console.log(`${task.pid} ${task.comm} is ${task.state}`);
// It is queued, and taken when the sandbox goes on.
await kernel.sendExternalSignalThreadGroup(guest.pid, { signo: SIGUSR1 }, 'example');
await new Promise((resolve) => setTimeout(resolve, 300));
console.log(text === frozen ? 'nothing moved' : 'something moved');

await kernel.unpause();
const { exitCode } = await guest.completed;
await kernel.close();
console.log(`${text.trim().split('\n').at(-1)}, status ${exitCode}`);
