import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { E } from '../../../../../src/abi/errno.js';
import { isDirectory, S_IFIFO, S_IFREG } from '../../../../../src/abi/mode.js';
import { O_RDWR } from '../../../../../src/abi/open.js';
import { makeDirectory, makeLink, makeNode } from '../../../../../src/kernel/fs/make.js';
import { removeDirectory, removeFile } from '../../../../../src/kernel/fs/remove.js';
import { rename } from '../../../../../src/kernel/fs/rename.js';
import { TmpDirectory } from '../../../../../src/kernel/fs/tmpfs/directory.js';
import type { Tmpfs } from '../../../../../src/kernel/fs/tmpfs/tmpfs.js';
import { walk } from '../../../../../src/kernel/fs/walk.js';
import { COST, KernelMemory, UNASKED } from '../../../../../src/kernel/kernel-memory.js';
import { Failure } from '../../../../../src/kernel/outcome.js';
import { errnoOf, ok, read, write } from '../../../support/file-system.js';
import { root, testContext, testTmpfs } from '../../../support/vfs.js';

/** Paths to node numbers; a directory's number is its own, a file's may stand in several places. */
type Model = Map<string, { readonly node: number; readonly dir: boolean }>;

const parentOf = (p: string): string => p.slice(0, p.lastIndexOf('/'));
const path = fc
  .array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 3 })
  .map((parts) => `/${parts.join('/')}`);
const step = fc.oneof(
  fc.record({ op: fc.constantFrom('mkdir', 'mknod', 'unlink', 'rmdir'), a: path, b: fc.constant('') }),
  fc.record({ op: fc.constantFrom('link', 'rename'), a: path, b: path }),
);

describe('tmpfs', () => {
  test('agrees with a map of paths through any sequence of changes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const fs = testTmpfs();
        const ctx = testContext(root, fs);
        const model: Model = new Map();
        let nodes = 0;
        const isDir = (p: string): boolean => p === '' || model.get(p)?.dir === true;
        const below = (p: string): string[] => [...model.keys()].filter((k) => k.startsWith(`${p}/`));
        for (const { op, a, b } of steps) {
          const there = model.get(a);
          if (op === 'mkdir' || op === 'mknod') {
            const made = op === 'mkdir' ? makeDirectory(ctx, a, 0o755) : makeNode(ctx, a, S_IFREG, 0);
            const may = !there && isDir(parentOf(a));
            expect(made instanceof Failure).toBe(!may);
            if (may) model.set(a, { node: ++nodes, dir: op === 'mkdir' });
          } else if (op === 'unlink' || op === 'rmdir') {
            const failed = op === 'unlink' ? removeFile(ctx, a) : removeDirectory(ctx, a);
            const may = there !== undefined && there.dir === (op === 'rmdir') && below(a).length === 0;
            expect(failed === undefined).toBe(may);
            if (may) model.delete(a);
          } else if (op === 'link') {
            const from = walk(ctx, a, { followLast: false });
            expect(from instanceof Failure).toBe(!there);
            if (from instanceof Failure || !there) continue;
            const may = !there.dir && !model.has(b) && isDir(parentOf(b));
            expect(makeLink(ctx, from, b) instanceof Failure).toBe(!may);
            if (may) model.set(b, there);
          } else {
            const target = model.get(b);
            const fits = !target || (target.dir === there?.dir && below(b).length === 0);
            const same = target !== undefined && target.node === there?.node;
            const inside = b === a || b.startsWith(`${a}/`);
            const may =
              there !== undefined &&
              isDir(parentOf(b)) &&
              (same || (fits && !inside && !a.startsWith(`${b}/`)));
            // A directory renamed to itself is one node with two equal names.
            const failed = rename(ctx, a, ctx, b, 0);
            expect([a, b, failed === undefined]).toEqual([a, b, may]);
            if (!may || same || !there) continue;
            model.delete(b);
            for (const k of below(a)) {
              const moved = model.get(k);
              model.delete(k);
              if (moved) model.set(b + k.slice(a.length), moved);
            }
            model.delete(a);
            model.set(b, there);
          }
        }
        check(fs, model);
      }),
      { numRuns: 300 },
    );
  });

  test('a limit on inodes counts what is there, and comes back', () => {
    const ctx = testContext(root, testTmpfs({ maxInodes: 3 }));
    ok(makeNode(ctx, '/a', S_IFREG, 0));
    ok(makeDirectory(ctx, '/b', 0o755));
    expect(errnoOf(makeNode(ctx, '/c', S_IFREG, 0))).toBe(E.ENOSPC);
    expect(ctx.root.mount.fs.statfs()).toMatchObject({ files: 3, ffree: 0 });
    removeDirectory(ctx, '/b');
    ok(makeNode(ctx, '/c', S_IFREG, 0));
    expect(errnoOf(makeNode(ctx, '/c', S_IFREG, 0))).toBe(E.EEXIST);
  });

  test('inodes are charged to the kernel, and given back', () => {
    const memory = new KernelMemory({ machine: { kernelMemoryBytes: 0 } });
    const fs = testTmpfs({ memory });
    const ctx = testContext(root, fs);
    memory.take(UNASKED - 2 * COST.inode);
    ok(makeNode(ctx, '/a', S_IFREG, 0));
    expect(errnoOf(makeNode(ctx, '/b', S_IFREG, 0))).toBe(E.ENOSPC);
    expect(memory.used).toBe(UNASKED);
    fs.release();
    expect(memory.used).toBe(UNASKED - 2 * COST.inode);
  });

  test('reads touch the access time as relatime asks, writes the others', () => {
    const fs = testTmpfs();
    const ctx = testContext(root, fs);
    const place = ok(makeNode(ctx, '/f', S_IFREG | 0o644, 0));
    const { inode } = place.dentry;
    const file = ok(inode.open(O_RDWR, place));
    if (file instanceof Failure) throw new Error('open');
    write(file, 'x');
    const written = inode.attributes();
    expect(written.mtime.sec).toBeGreaterThan(written.atime.sec);
    read(file, 1, 0);
    const first = inode.attributes().atime;
    expect(first.sec).toBeGreaterThan(written.mtime.sec);
    read(file, 1, 0);
    expect(inode.attributes().atime).toEqual(first);
    file.release();
  });

  test('an inode is built without a name, then attached; or discarded', () => {
    const fs = testTmpfs();
    const file = ok(fs.makeFile({ mode: S_IFREG | 0o600, uid: 5, gid: 6 }));
    ok(file.setXattr('user.a', new Uint8Array([1]), 0) ?? undefined);
    expect(file.nlink).toBe(0);
    expect(fs.root.attach('f', file)).toBeUndefined();
    expect([file.nlink, fs.root.lookup('f')]).toEqual([1, file]);
    const free = fs.statfs().ffree;
    const fifo = ok(fs.makeSpecial({ mode: S_IFIFO | 0o600, uid: 0, gid: 0 }));
    const dir = ok(fs.makeDirectory({ mode: 0o700, uid: 0, gid: 0 }));
    fifo.discard();
    dir.discard();
    expect(fs.statfs().ffree).toBe(free);
  });
});

/** Every path of the model is there with its node, no other is, and links are counted right. */
function check(fs: Tmpfs, model: Model): void {
  const found = new Map<string, number>();
  const links = new Map<number, number>();
  const visit = (dir: TmpDirectory, at: string): void => {
    let subdirectories = 0;
    for (const { name, inode } of dir.entries()) {
      found.set(`${at}/${name}`, inode.ino);
      links.set(inode.ino, (links.get(inode.ino) ?? 0) + 1);
      if (inode instanceof TmpDirectory) {
        subdirectories++;
        visit(inode, `${at}/${name}`);
      }
    }
    expect(dir.nlink).toBe(2 + subdirectories);
  };
  visit(fs.root, '');
  expect(new Set(found.keys())).toEqual(new Set(model.keys()));
  const byNode = new Map<number, number>();
  for (const [p, { node, dir }] of model) {
    const ino = found.get(p) ?? -1;
    expect(byNode.get(node) ?? ino).toBe(ino);
    byNode.set(node, ino);
    const inode = at(fs, p);
    expect(isDirectory(inode.mode)).toBe(dir);
    if (!dir) expect(inode.attributes().nlink).toBe(links.get(ino));
  }
}

function at(fs: Tmpfs, p: string) {
  let inode = ok(fs.root.lookup(p.split('/')[1] ?? ''));
  for (const name of p.split('/').slice(2)) inode = ok(inode.lookup(name)) as typeof inode;
  return inode;
}
