/** What a program that embeds troupe logs. */
import { spawnSync } from 'node:child_process';

const TIMEOUT_MS = 60_000;

/** A line of pino's: each message has fields of its own. */
// biome-ignore lint/suspicious/noExplicitAny: parsed JSON
type LogLine = { readonly msg: string } & Readonly<Record<string, any>>;

/** Of a module that ends well. */
export function logLinesOf(script: string): readonly LogLine[] {
  const { status, signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const text = stderr.toString();
  if (status !== 0) throw new Error(`it ended with ${signal ?? status}: ${text}`);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}
