/** Which system calls an expression of strace's -e trace= means (syscall-set.ts). */
import { type FilterError, parseSyscallSet } from './syscall-set.js';
import { declarations } from './table.js';

/** True for the numbers that are wanted. */
export type SyscallFilter = (number: number) => boolean;

export function parseStraceFilter(text: string): SyscallFilter | FilterError {
  const set = parseSyscallSet(text);
  if ('error' in set) return set;
  const wanted = new Set(set.numbers);
  for (const d of declarations) if (d.classes.some((c) => set.classes.includes(c))) wanted.add(d.number);
  return (number) => wanted.has(number) !== set.negated;
}
