/** The caller's terminal, for a command that is to have one of its own (-t). */
import type { CallersTerminal } from '../index.js';
import { UsageError } from './args.js';

export async function openTerminal(): Promise<CallersTerminal> {
  const { CallersTerminal } = await import('../index.js');
  if (!CallersTerminal.isThere) {
    throw new UsageError('-t: standard input is not a terminal; leave -t out, or run troupe in one');
  }
  return await CallersTerminal.open();
}
