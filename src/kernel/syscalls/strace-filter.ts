/**
 * The expression of `--strace=`, as strace's -e trace=: names and %classes separated by commas, `!` in
 * front for all others, `all` and `none`.
 */
import { NR, type SyscallName } from '../../abi/numbers.js';
import type { SyscallClass } from './declare.js';
import type { SyscallFilter } from './syscall-trace.js';
import { declarations } from './table.js';

/** A value, for the caller to print. */
export interface FilterError {
  readonly error: string;
}

const CLASSES = new Map<string, SyscallClass>([
  ['%file', 'file'],
  ['%desc', 'desc'],
  ['%process', 'process'],
  ['%memory', 'memory'],
  ['%signal', 'signal'],
  ['%network', 'network'],
  ['%net', 'network'],
  ['%ipc', 'ipc'],
  ['%creds', 'creds'],
  ['%clock', 'clock'],
]);

export function parseStraceFilter(text: string): SyscallFilter | FilterError {
  const negated = text.startsWith('!');
  const wanted = new Set<number>();
  const items = text.slice(negated ? 1 : 0).split(',');
  for (const item of items.map((i) => i.trim())) {
    const numbers = numbersOf(item);
    if ('error' in numbers) return numbers;
    for (const n of numbers) wanted.add(n);
  }
  return (number) => wanted.has(number) !== negated;
}

function numbersOf(item: string): number[] | FilterError {
  if (item === 'all') return declarations.map((d) => d.number);
  if (item === 'none') return [];
  const named = CLASSES.get(item);
  if (named !== undefined) return declarations.filter((d) => d.classes.includes(named)).map((d) => d.number);
  if (item.startsWith('%')) {
    return { error: `unknown class '${item}'; known: ${[...CLASSES.keys()].join(', ')}` };
  }
  if (!Object.hasOwn(NR, item)) {
    return { error: item === '' ? 'empty name of a system call' : `unknown system call '${item}'` };
  }
  return [NR[item as SyscallName]];
}
