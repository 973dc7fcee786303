/**
 * Hooks: a policy in JavaScript between a program and its system calls (the module is policy.mjs).
 *
 *     node examples/hooks.mjs
 */
import { Kernel } from 'troupe';

const kernel = await Kernel.boot();
await kernel.intercept(new URL('./policy.mjs', import.meta.url));

const script = 'cat /etc/shadow; cat /etc/motd; id -u; rm -rf /tmp/precious; echo "removing: $?"';
const guest = kernel.spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
guest.stdout.pipe(process.stdout);
guest.stderr.pipe(process.stdout);
await guest.completed;
await kernel.close();
