/** Native first: a program that ran under troupe must have said and returned what it does natively. */
import { createHash } from 'node:crypto';
import { expect } from '@jest/globals';
import { type RunOptions, type RunResult, run, troupe } from './run.js';

export interface Comparison extends RunOptions {
  /** Options of `troupe run`. */
  readonly sandbox?: readonly string[];
  /** What the native run gets instead, where paths differ. */
  readonly nativeArgs?: readonly string[];
  /** The order of lines is not the program's promise. */
  readonly sortLines?: true;
}

/** Under troupe first: what it writes must not be there for the native run, nor the other way round. */
export async function expectSame(
  command: string,
  args: readonly string[],
  comparison: Comparison = {},
): Promise<void> {
  const guest = await troupe(comparison.sandbox ?? [], [command, ...args], comparison);
  const native = await run(command, comparison.nativeArgs ?? args, comparison);
  expect(describe(guest, comparison)).toEqual({ ...describe(native, comparison), leftovers: [] });
}

function describe(result: RunResult, { sortLines }: Comparison): object {
  const text = result.stdout.length < 20_000 ? result.stdout.toString('latin1') : '';
  return {
    status: result.status,
    timedOut: result.timedOut,
    // Kept short by a digest when long, readable when not.
    stdout: sortLines ? text.split('\n').sort().join('\n') : text,
    bytes: result.stdout.length,
    digest: sortLines ? '' : createHash('sha256').update(result.stdout).digest('hex'),
    stderrOfTroupe: result.stderr.split('\n').filter((line) => line.startsWith('troupe:')),
    leftovers: result.leftovers,
  };
}
