import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { E } from '../../../../src/abi/errno.js';
import { O_PATH } from '../../../../src/abi/open.js';
import { FdTable } from '../../../../src/kernel/fs/fd-table.js';
import { FileDescription } from '../../../../src/kernel/fs/file-description.js';
import { COST, KernelMemory, UNASKED } from '../../../../src/kernel/kernel-memory.js';
import { errnoOf } from '../../support/file-system.js';
import { testTmpfs } from '../../support/vfs.js';

const { root } = testTmpfs();

class Probe extends FileDescription {
  closed = 0;
  constructor(flags = 0) {
    super(root, undefined, flags);
  }
  protected override onClose(): void {
    this.closed++;
  }
}

const step = fc.oneof(
  fc.record({ op: fc.constant('install' as const), min: fc.nat(12) }),
  fc.record({ op: fc.constant('close' as const), fd: fc.nat(16) }),
  fc.record({ op: fc.constant('at' as const), fd: fc.nat(16) }),
);

describe('FdTable', () => {
  test('files and the tables that hold them, holes included, are charged until they are gone', () => {
    const kernelMemoryBytes = UNASKED + 3 * COST.file + 20 * COST.descriptor;
    const room = new KernelMemory({ machine: { kernelMemoryBytes } });
    room.take(UNASKED);
    const table = new FdTable(room);
    const options = { closeOnExec: false, limit: 1000 };
    for (let n = 0; n < 3; n++) expect(table.install(new Probe(), options)).toBe(n);
    expect(errnoOf(table.install(new Probe(), options))).toBe(E.ENFILE);
    const again = table.require(0).retain();
    expect(errnoOf(table.install(again, { ...options, min: 20 }))).toBe(E.ENOMEM);
    expect([table.mayHold(19), table.mayHold(20)]).toEqual([true, false]);
    expect(table.install(again, { ...options, min: 9 })).toBe(9);
    const copy = table.fork();
    expect(room.used).toBe(kernelMemoryBytes);
    table.release();
    copy.close(9);
    expect(room.used - UNASKED).toBe(3 * (COST.file + COST.descriptor));
    copy.release();
    expect(room.used).toBe(UNASKED);
  });

  test('gives the lowest free number, as a plain list would', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = new FdTable();
        const model = new Map<number, Probe>();
        for (const s of steps) {
          const file = new Probe();
          if (s.op === 'install') {
            let want = s.min;
            while (model.has(want)) want++;
            const got = table.install(file, { min: s.min, closeOnExec: false, limit: 14 });
            if (want >= 14) expect(errnoOf(got)).toBe(E.EMFILE);
            else {
              expect(got).toBe(want);
              model.set(want, file);
            }
          } else if (s.op === 'close') {
            const open = model.get(s.fd);
            expect(errnoOf(table.close(s.fd))).toBe(open ? 0 : E.EBADF);
            if (open) expect(open.closed).toBe(1);
            model.delete(s.fd);
          } else {
            const before = model.get(s.fd);
            table.installAt(s.fd, file, { closeOnExec: true });
            if (before) expect(before.closed).toBe(1);
            model.set(s.fd, file);
          }
        }
        expect(new Map(table.entries())).toEqual(model);
        table.release();
        for (const file of model.values()) expect(file.closed).toBe(1);
      }),
    );
  });

  test('a forked table has references of its own', () => {
    const table = new FdTable();
    const file = new Probe();
    table.install(file, { closeOnExec: true, limit: 10 });
    const copy = table.fork();
    table.release();
    expect(file.closed).toBe(0);
    copy.closeOnExec();
    expect([file.closed, copy.get(0)]).toEqual([1, undefined]);
  });

  test('sharers keep it open until the last one goes', () => {
    const table = new FdTable();
    const file = new Probe();
    table.install(file, { closeOnExec: false, limit: 10 });
    table.retain();
    table.release();
    expect(file.closed).toBe(0);
    table.release();
    expect(file.closed).toBe(1);
  });

  test('O_PATH descriptors are open only for those who say so', () => {
    const table = new FdTable();
    table.install(new Probe(O_PATH), { closeOnExec: false, limit: 10 });
    expect(() => table.require(0)).toThrow('EBADF');
    expect(table.requireAny(0)).toBeInstanceOf(Probe);
    expect(() => table.requireAny(1)).toThrow('EBADF');
    expect(() => table.require(-1)).toThrow('EBADF');
  });
});
