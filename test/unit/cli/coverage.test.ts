import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { coveragePage } from '../../../src/cli/coverage.js';
import { declarations } from '../../../src/kernel/syscalls/table.js';

test('docs/coverage.md says what the declarations say (else: npm run coverage-page)', () => {
  const page = readFileSync(new URL('../../../docs/coverage.md', import.meta.url), 'utf8');
  expect(page === coveragePage(declarations)).toBe(true);
});

test('a bar in a note does not end the cell', () => {
  const [first] = declarations;
  if (!first) throw new Error('the table is empty');
  expect(coveragePage([{ ...first, note: 'a|b' }])).toContain('a\\|b');
});
