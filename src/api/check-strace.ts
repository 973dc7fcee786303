/** Whether a set of system calls makes sense, said before any worker starts. */
import { parseSyscallSet } from '../kernel/syscalls/syscall-set.js';

/** What is wrong with it, in one line. */
export function checkStraceFilter(filter: string): string | undefined {
  const parsed = parseSyscallSet(filter);
  return 'error' in parsed ? parsed.error : undefined;
}
