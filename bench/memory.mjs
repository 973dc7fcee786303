/** What an idle kernel holds: the proportional set sizes of troupe's process and of its stubs. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const SETTLE_MS = 2_000;

export async function idleMemory([command, ...args]) {
  const child = spawn(command, [...args, 'sleep', '60'], { stdio: 'ignore', detached: true });
  try {
    await sleep(SETTLE_MS);
    if (child.exitCode !== null || child.signalCode !== null) return undefined;
    const node = proportional(child.pid);
    const stubs = descendants(child.pid).reduce((sum, pid) => sum + proportional(pid), 0);
    return { node: mebi(node), stubs: mebi(stubs), total: mebi(node + stubs) };
  } finally {
    child.kill('SIGKILL');
  }
}

const mebi = (kilobytes) => (kilobytes / 1024).toFixed(1);

function proportional(pid) {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function descendants(pid) {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((tid) =>
      readFileSync(`/proc/${pid}/task/${tid}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}
