import { describe, expect, test } from '@jest/globals';
import { NR, syscallName } from '../../../../src/abi/numbers.js';
import { NOT_YET } from '../../../../src/kernel/syscalls/absent.js';
import { declarations, table } from '../../../../src/kernel/syscalls/table.js';

describe('the table of system calls', () => {
  test('every number with a name has an entry of that name', () => {
    for (const [name, number] of Object.entries(NR)) {
      expect(`${number} ${table[number]?.name}`).toBe(`${number} ${name}`);
    }
  });

  test('no entry is without a name in abi/numbers', () => {
    expect(declarations).toHaveLength(Object.keys(NR).length);
    for (const d of declarations) expect(syscallName(d.number)).toBe(d.name);
  });

  test('a call takes at most six arguments, of different names', () => {
    for (const d of declarations) {
      expect(d.args.length).toBeLessThanOrEqual(6);
      expect(new Set(d.args.map((a) => a.name)).size).toBe(d.args.length);
    }
  });

  test('no call was forgotten: each is declared by a family or absent on purpose', () => {
    expect(declarations.filter((d) => d.note === NOT_YET).map((d) => d.name)).toEqual([]);
  });

  test('what is not whole says why', () => {
    for (const d of declarations) if (d.support !== 'full') expect(`${d.name}: ${d.note}`).toMatch(/: .+/);
  });
});
