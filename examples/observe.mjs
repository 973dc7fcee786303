/**
 * Observing: which files under /etc a program opens, and how its processes come and go.
 *
 *     node examples/observe.mjs [COMMAND [ARG…]]
 */
import { Kernel } from 'troupe';

const [command = 'sh', ...args] = process.argv.slice(2);
const words = args.length > 0 || process.argv[2] ? args : ['-c', 'cat /etc/hostname; wc -c /etc/passwd'];

const kernel = await Kernel.boot();

// An Observable: RxJS operators work on it, each subscription is an observer of its own.
kernel.tasks$.subscribe((event) => {
  if (event.type === 'exec') console.log(`process ${event.pid} runs ${event.argv.join(' ')}`);
  if (event.type === 'processExit') console.log(`process ${event.pid} ended with status ${event.exitStatus}`);
});

// The same, iterated. The filter is sent to the shards: what it excludes is never made.
const opened = kernel.observe({ types: ['fileOpen'], paths: ['/etc'] });
const reading = (async () => {
  for await (const event of opened) {
    if (event.type === 'fileOpen') console.log(`process ${event.pid} opened ${event.path} (${event.flags})`);
    if (event.type === 'end') console.log(`${event.events} events, ${event.dropped} dropped`);
  }
})();

await kernel.spawn(command, words, { stdio: 'ignore' }).completed;
await kernel.close();
await reading;
