import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { F_RDLCK, F_UNLCK, F_WRLCK } from '../../../../../src/abi/open.js';
import { startWaiting, stopWaiting, wouldDeadlock } from '../../../../../src/kernel/fs/locks/deadlock.js';
import { LockTable, type RecordRequest } from '../../../../../src/kernel/fs/locks/lock-table.js';
import { IN } from '../../../../../src/kernel/wait.js';

const SPAN = 24;
const owners = [{}, {}, {}];

const request = fc.record({
  owner: fc.nat(2),
  type: fc.constantFrom(F_RDLCK, F_WRLCK, F_UNLCK),
  start: fc.nat(SPAN - 1),
  length: fc.nat(10),
});

describe('LockTable', () => {
  test('agrees with a table of bytes, and keeps ranges apart and merged', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 40 }), (requests) => {
        const table = new LockTable();
        const bytes = owners.map(() => new Array<number>(SPAN).fill(F_UNLCK));
        for (const r of requests) {
          const end = r.length === 0 ? Number.POSITIVE_INFINITY : r.start + r.length;
          const owner = owners[r.owner] as object;
          const asked: RecordRequest = { type: r.type, start: r.start, end, owner, pid: r.owner };
          let blocked = false;
          for (let i = r.start; i < Math.min(end, SPAN); i++) {
            for (const [o, held] of bytes.entries()) {
              if (o === r.owner || r.type === F_UNLCK || held[i] === F_UNLCK) continue;
              if (held[i] === F_WRLCK || r.type === F_WRLCK) blocked = true;
            }
          }
          // Locks to the end of the file reach beyond the bytes that the model has.
          const conflict = table.conflict(asked);
          if (blocked) expect(conflict).toBeDefined();
          if (conflict) continue;
          expect(blocked).toBe(false);
          table.apply(asked);
          for (let i = r.start; i < Math.min(end, SPAN); i++) (bytes[r.owner] as number[])[i] = r.type;
        }
        for (const [o, held] of bytes.entries()) {
          const records = table.records().filter((l) => l.owner === owners[o]);
          for (let i = 0; i < SPAN; i++) {
            const at = records.filter((l) => l.start <= i && i < l.end);
            expect(at.length).toBe(held[i] === F_UNLCK ? 0 : 1);
            if (at[0]) expect(at[0].type).toBe(held[i]);
          }
          for (const a of records) {
            expect(records.some((b) => b !== a && b.type === a.type && b.start === a.end)).toBe(false);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('flock: sharers together, one alone, and a refused conversion leaves nothing', () => {
    const table = new LockTable();
    const [a, b] = [{}, {}];
    expect([table.tryFlock(a, 'shared'), table.tryFlock(b, 'shared')]).toEqual([true, true]);
    expect(table.tryFlock(a, 'exclusive')).toBe(false);
    expect(table.tryFlock(b, 'exclusive')).toBe(true);
    expect(table.tryFlock(a, 'shared')).toBe(false);
    let woken = 0;
    table.queue.listen(IN, () => woken++);
    table.dropFlock(b);
    expect([woken, table.empty]).toEqual([1, true]);
  });

  test('finds circles of waiters', () => {
    const [a, b, c] = [{}, {}, {}];
    startWaiting(a, b);
    startWaiting(b, c);
    expect([wouldDeadlock(c, a), wouldDeadlock(c, {}), wouldDeadlock(a, a)]).toEqual([true, false, true]);
    stopWaiting(b);
    expect(wouldDeadlock(c, a)).toBe(false);
    stopWaiting(a);
  });
});
