// A kernel whose first process is process 1: what it does not handle does not kill it, and orphans become its children.
// Run it: node examples/kernel-in-steps.mjs
import { hostFeatureSet, Kernel } from 'troupe';

const kernel = await Kernel.create({ shards: 1 });
await kernel.init({
  featureSet: hostFeatureSet(),
  timekeeper: { clock: 'real' },
  rootUserNamespace: { owner: 0, group: 0 },
  rootUtsNamespace: { hostname: 'stage' },
  applicationCores: 2,
});
await kernel.setRootMountNamespace({ rootfs: '/' });

const init = await kernel.createProcess({
  argv: ['/bin/sh', '-c', 'kill -TERM $$; echo "$(uname -n): process $$ lives, on $(nproc) CPUs"'],
  envv: ['PATH=/usr/bin:/bin'],
  stdio: ['ignore', 'pipe', 'inherit'],
});
init.stdout.pipe(process.stdout);
console.log('nothing has run yet:', (await kernel.taskSet()).map((task) => task.state).join());
await kernel.start();
await init.completed;
console.log('process 1 ended with wait status', (await kernel.globalInit()).exitStatus);
await kernel.waitExited();
await kernel.destroy();
