/** What is left of a guest program after it ended: tasks, stub processes, descriptors, memory. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const SETTLE_MS = 15_000;
const POLL_MS = 250;
/** Node's own rise and fall: descriptors of its event loops, the heap between two collections. */
const DESCRIPTORS_FREE = 8;
const STUBS_FREE = 2;
const RESIDENT_FREE_MIB = 48;

/** What there is when nothing but the init process runs. */
export async function settled(kernel) {
  return { ...hostCounts(), tasks: await guestTasks(kernel) };
}

/** What there is more of than before, in words; empty when nothing is, now or after a while. */
export async function leftBehind(kernel, before) {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const now = await settled(kernel);
    const more = [
      over(now.tasks, before.tasks, 0, 'tasks'),
      over(now.stubs, before.stubs, STUBS_FREE, 'stub processes'),
      over(now.descriptors, before.descriptors, DESCRIPTORS_FREE, 'descriptors'),
      over(now.residentMiB, before.residentMiB, RESIDENT_FREE_MIB, 'MiB'),
    ].filter(Boolean);
    if (more.length === 0 || performance.now() > deadline) return more.join(', ');
    await sleep(POLL_MS);
  }
}

function over(now, before, free, what) {
  return now > before + free ? `${now - before} ${what}` : '';
}

async function guestTasks(kernel) {
  const lister = kernel.spawn('sh', ['-c', 'echo /proc/[0-9]*/task/[0-9]*'], { cwd: '/' });
  let text = '';
  lister.stdout.on('data', (chunk) => (text += chunk));
  await new Promise((resolve) => lister.on('close', resolve));
  return text.trim().split(' ').length;
}

function hostCounts() {
  return {
    stubs: descendants(process.pid).length,
    descriptors: readdirSync('/proc/self/fd').filter(isOurs).length,
    residentMiB: Math.round(process.memoryUsage.rss() / 2 ** 20),
  };
}

/** Not a file of the root, of which the kernel keeps those open that it saw last: pipes, sockets, memory… */
function isOurs(fd) {
  try {
    const target = readlinkSync(`/proc/self/fd/${fd}`);
    return !target.startsWith('/') || target.startsWith('/memfd:');
  } catch {
    return false; // readdir's own.
  }
}

function descendants(pid) {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((tid) =>
      readFileSync(`/proc/${pid}/task/${tid}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return []; // It ended meanwhile.
  }
}
