// Saves a sandbox in the middle of its work, ends it, and lets it go on from the file as if nothing had been.
// Run it: node examples/save-and-load.mjs
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kernel } from 'troupe';

const folder = mkdtempSync(join(tmpdir(), 'troupe-'));
const file = join(folder, 'kernel');

// A pipeline that counts, a file that is only in memory, and a variable: all of it is in the saved kernel.
const script = `
  echo kept >/tmp/note; greeting=hello
  seq 5 | while read n; do echo "step $n"; sleep 0.2; done
  echo "$greeting, $(cat /tmp/note)"`;
const kernel = await Kernel.boot({ shards: 1 });
const guest = kernel.spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
let text = '';
guest.stdout.on('data', (chunk) => {
  text += chunk;
});
while (!text.includes('step 2')) await new Promise((resolve) => guest.stdout.once('data', resolve));

await kernel.pause();
await kernel.saveTo(file, { compress: true });
await kernel.close();
process.stdout.write(text);
console.log(`saved: ${statSync(file).size < 2 ** 24 ? 'less' : 'more'} than 16 MiB`);

// This could be another process, days later.
const loaded = await Kernel.loadFrom(file, { stdio: ['ignore', 'pipe', 'inherit'] });
const [again] = loaded.processes;
again.stdout.pipe(process.stdout);
await loaded.unpause();
const { exitCode } = await again.completed;
await loaded.close();
rmSync(folder, { recursive: true });
console.log(`status ${exitCode}`);
