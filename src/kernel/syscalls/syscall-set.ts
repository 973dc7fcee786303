/**
 * Sets of system calls as strace(1) writes them behind -e trace= and inject=: names, numbers, %classes and
 * /regular expressions separated by commas, `?` in front of what need not exist, `!` in front of all for
 * the others, `all` and `none`.
 *
 * Only the words are understood here; which calls have a class is the table's to say (strace-filter.ts),
 * and whoever checks words only need not load that.
 */
import { NR, NR_END, type SyscallName } from '../../abi/numbers.js';
import type { SyscallClass } from './declare.js';

/** A value, for the caller to print. */
export interface FilterError {
  readonly error: string;
}

export interface SyscallSet {
  readonly negated: boolean;
  readonly numbers: readonly number[];
  readonly classes: readonly SyscallClass[];
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

export function parseSyscallSet(text: string): SyscallSet | FilterError {
  const negated = text.startsWith('!');
  const numbers: number[] = [];
  const classes: SyscallClass[] = [];
  for (const item of text.slice(negated ? 1 : 0).split(',')) {
    const named = CLASSES.get(item.trim());
    if (named !== undefined) {
      classes.push(named);
      continue;
    }
    const found = numbersOf(item.trim());
    if ('error' in found) return found;
    numbers.push(...found);
  }
  return { negated, numbers, classes };
}

function numbersOf(item: string): number[] | FilterError {
  if (item === 'all') return Object.values(NR);
  if (item === 'none') return [];
  if (item.startsWith('?')) {
    const found = numbersOf(item.slice(1));
    return 'error' in found && item.length > 1 ? [] : found;
  }
  if (item.startsWith('/')) return matching(item.slice(1));
  if (item.startsWith('%')) {
    return { error: `unknown class '${item}'; known: ${[...CLASSES.keys()].join(', ')}` };
  }
  if (/^\d+$/.test(item) && Number(item) < NR_END) return [Number(item)];
  if (!Object.hasOwn(NR, item)) {
    return { error: item === '' ? 'empty name of a system call' : `unknown system call '${item}'` };
  }
  return [NR[item as SyscallName]];
}

function matching(pattern: string): number[] | FilterError {
  let regex: RegExp;
  try {
    regex = new RegExp(pattern);
  } catch {
    return { error: `'/${pattern}' is no regular expression` };
  }
  const found = Object.entries(NR).flatMap(([name, number]) => (regex.test(name) ? [number] : []));
  return found.length > 0 ? found : { error: `no system call matches '/${pattern}'` };
}
