/** Whether a strace filter makes sense, said before any worker starts. */
import { parseStraceFilter } from '../kernel/syscalls/strace-filter.js';

/** What is wrong with it, in one line. */
export function checkStraceFilter(filter: string): string | undefined {
  const parsed = parseStraceFilter(filter);
  return 'error' in parsed ? parsed.error : undefined;
}
