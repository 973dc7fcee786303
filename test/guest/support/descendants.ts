/**
 * The descendants of a process, collected while it runs, so that those which outlive it can be named:
 * an orphan is no longer found under its parent.
 */
import { readdirSync, readFileSync } from 'node:fs';

interface Identity {
  readonly name: string;
  /** Together with the number this names one process for ever. */
  readonly startTime: string;
}

const POLL_MS = 15;
const GRACE_MS = 3_000;

export class DescendantWatch {
  readonly #seen = new Map<number, Identity>();
  readonly #timer: NodeJS.Timeout;

  constructor(readonly root: number) {
    this.#timer = setInterval(() => this.#look(), POLL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Those still alive, after some time to go. */
  async leftovers(): Promise<string[]> {
    this.stop();
    const end = performance.now() + GRACE_MS;
    for (;;) {
      const alive = [...this.#seen].filter(([pid, was]) => identify(pid)?.startTime === was.startTime);
      if (alive.length === 0 || performance.now() > end)
        return alive.map(([pid, { name }]) => `${pid} ${name}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #look(): void {
    for (const pid of descendantsOf(this.root)) {
      const identity = identify(pid);
      if (identity) this.#seen.set(pid, identity);
    }
  }
}

/** All that live now, by number. */
export function descendantsOf(root: number): number[] {
  const found: number[] = [];
  const queue = [root];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    const children = childrenOf(pid);
    found.push(...children);
    queue.push(...children);
  }
  return found;
}

function childrenOf(pid: number): number[] {
  try {
    // A child hangs below the thread that forked it.
    return readdirSync(`/proc/${pid}/task`).flatMap((tid) =>
      readFileSync(`/proc/${pid}/task/${tid}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** Zombies count as gone: they hold nothing, and their parent is not always ours. */
function identify(pid: number): Identity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const close = stat.lastIndexOf(')');
    const fields = stat.slice(close + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return { name: stat.slice(stat.indexOf('(') + 1, close), startTime: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}
