/** The page docs/coverage.md, made from the declarations of the system calls. */
import type { Declaration } from '../kernel/syscalls/declare.js';

export function coveragePage(declarations: readonly Declaration[]): string {
  const count = (support: Declaration['support']): number =>
    declarations.filter((d) => d.support === support).length;
  return [
    '# System calls',
    '',
    'Generated from the declarations by `npm run coverage-page`: do not edit.',
    '',
    `Of ${declarations.length} numbers of x86-64: ${count('full')} full, ${count('partial')} partial (see the note), ` +
      `${count('none')} not supported.`,
    '',
    '| number | call | support | classes | note |',
    '|---|---|---|---|---|',
    ...declarations.map(row),
    '',
  ].join('\n');
}

function row(call: Declaration): string {
  // Of a call that is not there nothing is decoded: its arguments have no names worth showing.
  const args = call.support === 'none' ? '' : `(${call.args.map((a) => a.name).join(', ')})`;
  const cells = [call.number, call.name + args, call.support, call.classes.join(' '), call.note];
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
}
