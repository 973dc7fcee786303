/** The rules of the house that a machine can check. Each failure names file and line. */
import { expect, test } from '@jest/globals';
import { type SourceFile, sourceFiles, withoutCommentsAndStrings } from './source-files.js';

const files = sourceFiles('src');
const safe = files.filter((f) => !f.path.endsWith('.unsafe.ts'));

function hits(among: readonly SourceFile[], pattern: RegExp): string[] {
  return among.flatMap((file) =>
    file.code
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${file.path}:${i + 1}: ${line.trim()}`] : [])),
  );
}

test('comments and strings do not count as code', () => {
  expect(withoutCommentsAndStrings("a /* x! */ 'any' b // as any\nc")).toMatch(/^a {9,}b +\nc$/);
});

test('danger-in-the-filename: raw memory and host calls only in *.unsafe.ts', () => {
  expect(safe.filter((f) => f.imports.includes('koffi')).map((f) => f.path)).toEqual([]);
});

test('no any', () => {
  expect(hits(safe, /([:,]\s*any\b|\bas any\b|<any\b|\bany\[\])/)).toEqual([]);
});

test('no non-null assertion', () => {
  expect(hits(safe, /[\w)\]]!(?=[.;,)[\]\s}]|$)(?!\s*=)/)).toEqual([]);
});

test('no cast by way of unknown outside *.unsafe.ts', () => {
  expect(hits(safe, /\bas unknown as\b/)).toEqual([]);
});

test('no enum, no namespace', () => {
  expect(hits(files, /^\s*(export\s+)?(declare\s+)?(const\s+)?(enum|namespace)\s+\w/)).toEqual([]);
});

test('no switched-off checks', () => {
  const marks = /@ts-(ignore|expect-error|nocheck)/;
  expect(files.filter((f) => marks.test(f.text)).map((f) => f.path)).toEqual([]);
});

test('clock-is-injected: no Date.now and no new Date() in the kernel', () => {
  const kernel = files.filter((f) => f.path.startsWith('src/kernel/'));
  expect(hits(kernel, /\bDate\.now\(|\bnew Date\(|\bperformance\.now\(|\bprocess\.|\bsetTimeout\(/)).toEqual(
    [],
  );
});

test('saving is a walk: no #private members in the kernel, which a walk does not see', () => {
  const kernel = files.filter((f) => f.path.startsWith('src/kernel/'));
  expect(hits(kernel, /(^\s*(\w+ )*\*?|\.)#\w/)).toEqual([]);
});

test('every file opens with a comment that says what it is, of 20 lines at most', () => {
  const bad = files.filter((file) => {
    const header = /^(?:#![^\n]*\n)?\/\*\*[\s\S]*?\*\//.exec(file.text)?.[0];
    return !header || header.split('\n').length > 21;
  });
  expect(bad.map((f) => f.path)).toEqual([]);
});

test('small-files: 500 lines at most, tables of data aside', () => {
  const tables = /^src\/abi\//;
  const long = files.filter((f) => !tables.test(f.path) && f.text.split('\n').length > 501);
  expect(long.map((f) => f.path)).toEqual([]);
});
