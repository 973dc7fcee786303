/**
 * Injection: how a program takes it when reads come in small pieces, some calls fail, and a signal comes
 * at a bad moment. The rules are those of strace -e inject=, and more (docs: `troupe run --help`).
 *
 *     node examples/inject.mjs
 */
import { Kernel } from 'troupe';

async function tryWith(...inject) {
  const kernel = await Kernel.boot({ inject, injectSeed: 1 });
  const guest = kernel.spawn('cat', ['/etc/hostname', '/etc/passwd'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let bytes = 0;
  guest.stdout.on('data', (chunk) => (bytes += chunk.length));
  guest.stderr.pipe(process.stdout);
  const closed = new Promise((resolve) => guest.once('close', resolve));
  const { exitCode, signal } = await guest.completed;
  await closed;
  await kernel.close();
  console.log(`${inject.join(' ')}: ${bytes > 0 ? 'some' : 'no'} output, ${signal ?? `status ${exitCode}`}`);
}

await tryWith('read:short=7');
await tryWith('openat:error=EMFILE:when=5+');
await tryWith('read:error=EIO:chance=0.5');
await tryWith('write:signal=SIGTERM');
await tryWith('write:delay_enter=20ms');
