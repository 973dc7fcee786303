/** Compiles the C programs of test/guest/c, where there is a compiler. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { which } from './run.js';

export const SOURCES = join(import.meta.dirname ?? join(process.cwd(), 'test/guest/support'), '../c');

export const gcc = which('gcc');

/** Says why tests are missing from the list, once for each file. */
export function sayAbsent(what: string): void {
  process.stderr.write(`skipped: ${what} is not installed\n`);
}

export function cPrograms(): string[] {
  return readdirSync(SOURCES)
    .filter((name) => name.endsWith('.c'))
    .map((name) => basename(name, '.c'));
}

export function compile(name: string, folder: string, flags: readonly string[] = []): string {
  if (!gcc) throw new Error('gcc is not installed');
  const output = join(folder, flags.includes('-static') ? `${name}-static` : name);
  execFileSync(gcc, ['-O1', '-pthread', '-w', ...flags, '-o', output, join(SOURCES, `${name}.c`)]);
  return output;
}
