/** The life of a sandbox's command, seen from troupe's own process: `run` starts one, `restore` has one again. */
import type { CallersTerminal, ControlServer, Kernel, Process, ProcessExit } from '../index.js';
import { statusOf } from './exit-status.js';
import { complain } from './output.js';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Before it is waited for; gives the control socket of a sandbox that has a name. */
export type MadeReady = (main: Process) => Promise<ControlServer | undefined>;

/** Waits for the command of a sandbox; signals that ask troupe to end are the command's to handle. */
export async function complete(
  guest: Process,
  terminal: CallersTerminal | undefined,
  ready: MadeReady,
): Promise<number> {
  // Failures come by `completed`; an 'error' event that nobody hears would be thrown as well.
  guest.on('error', () => {});
  terminal?.attach(guest);
  const control = await ready(guest);
  const shown = terminal ? new Promise((resolve) => guest.once('close', resolve)) : undefined;
  const stopForwarding = forwardSignals(guest);
  let end: ProcessExit | undefined;
  try {
    end = await guest.completed;
    await shown;
    return statusOf(end);
  } finally {
    await control?.close(end);
    stopForwarding();
    terminal?.detach();
  }
}

function forwardSignals(guest: Process): () => void {
  const forward = (signal: NodeJS.Signals): void => {
    guest.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  return () => {
    for (const signal of FORWARDED) process.off(signal, forward);
  };
}

const STOP_MS = 5_000;

/** The status is known: a sandbox that hangs must not keep it from the caller. */
export async function stopSoon(kernel: Kernel): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      complain('the sandbox did not end in time; leaving it');
      resolve();
    }, STOP_MS);
  });
  try {
    await Promise.race([kernel.stop(), late]);
  } finally {
    clearTimeout(timer);
  }
}
