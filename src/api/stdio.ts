/** The descriptors that options ask for, by number. */
import type { StdioSource } from '../messages/shard.js';
import type { SpawnOptions, StdioEntry } from '../options.js';

export function stdioOf({
  stdio = 'pipe',
  windowSize,
}: Pick<SpawnOptions, 'stdio' | 'windowSize'>): StdioSource[] {
  if (stdio === 'pty') {
    const { columns, rows } = windowSize ?? { columns: 80, rows: 24 };
    return Array.from({ length: 3 }, () => ({ type: 'pty', columns, rows }));
  }
  const given: readonly StdioEntry[] = typeof stdio === 'string' ? [stdio, stdio, stdio] : stdio;
  const entries =
    given.length >= 3 ? given : [...given, ...(['pipe', 'pipe', 'pipe'] as const).slice(given.length)];
  return entries.map((entry, fd) => {
    if (typeof entry === 'number') return { type: 'host', fd: entry };
    if (entry === 'inherit') return { type: 'host', fd };
    return entry === 'pipe' ? { type: 'pipe' } : { type: 'null' };
  });
}
