/**
 * How the command ends. Where its terminal has gone meanwhile, node's own way out is an abort (it cannot
 * put the terminal's settings back, and takes that for a bug): it ends as the hang-up would have it.
 */
import { isatty } from 'node:tty';

const STDIO = [0, 1, 2] as const;
const terminals = STDIO.filter((fd) => isatty(fd));

/**
 * Whether node's way out would do nothing but take 6 ms: no terminal wants its settings back, nobody listens
 * (the build's code cache would), and node was told to record nothing (a profile, coverage). Kernels listen, too:
 * this is asked before there is one.
 */
export function mayEndAtOnce(): boolean {
  const { NODE_OPTIONS, NODE_V8_COVERAGE } = process.env;
  const told = process.execArgv.length > 0 || NODE_OPTIONS !== undefined || NODE_V8_COVERAGE !== undefined;
  return terminals.length === 0 && !told && process.listenerCount('exit') === 0;
}

export function leave(status: number): never {
  if (terminals.some((fd) => !isatty(fd))) {
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  }
  // Not exitCode: a worker that is still closing must not hold back a status that is known.
  process.exit(status);
}
