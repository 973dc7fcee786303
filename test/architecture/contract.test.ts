/** The contract of the kernel, rows K1 to K40: each is cited by the title of a test. */
import { expect, test } from '@jest/globals';
import { sourceFiles } from './source-files.js';

test('every row of the contract has a test that cites it', () => {
  const titles = sourceFiles('test')
    .flatMap(({ text }) => [
      ...text.matchAll(/\b(?:test|describe)(?:\.each\([\s\S]*?\))?\(\s*(['"`])(.*?)\1/g),
    ])
    .map((match) => match[2])
    .join('\n');
  const rows = Array.from({ length: 40 }, (_, i) => `K${i + 1}`);
  expect(rows.filter((row) => !new RegExp(`\\b${row}\\b`).test(titles))).toEqual([]);
});
