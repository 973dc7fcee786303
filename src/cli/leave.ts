/**
 * How the command ends. Where its terminal has gone meanwhile, node's own way out is an abort (it cannot
 * put the terminal's settings back, and takes that for a bug): it ends as the hang-up would have it.
 */
import { isatty } from 'node:tty';

const STDIO = [0, 1, 2] as const;
const terminals = STDIO.filter((fd) => isatty(fd));

export function leave(status: number): never {
  if (terminals.some((fd) => !isatty(fd))) {
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  }
  // Not exitCode: a worker that is still closing must not hold back a status that is known.
  process.exit(status);
}
