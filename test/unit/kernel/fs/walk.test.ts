import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { E } from '../../../../src/abi/errno.js';
import { S_IFREG } from '../../../../src/abi/mode.js';
import {
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../../../src/abi/open.js';
import { DentryCache } from '../../../../src/kernel/fs/dentry-cache.js';
import type { Inode } from '../../../../src/kernel/fs/inode.js';
import { makeDirectory, makeNode, makeSymlink } from '../../../../src/kernel/fs/make.js';
import { MountNamespace } from '../../../../src/kernel/fs/mounts.js';
import { pathName } from '../../../../src/kernel/fs/path-name.js';
import { type WalkContext, walk } from '../../../../src/kernel/fs/walk.js';
import { Failure } from '../../../../src/kernel/outcome.js';
import { errnoOf, ok } from '../../support/file-system.js';
import { root, testContext, testTmpfs, user } from '../../support/vfs.js';

/** The simplest model of path resolution: nodes with a parent, and recursion for symlinks. */
interface Node {
  readonly parent: Node | undefined;
  readonly children?: Map<string, Node>;
  readonly target?: string;
  inode?: Inode;
}

function modelWalk(
  top: Node,
  cwd: Node,
  path: string,
  followLast: boolean,
  budget = { links: 0 },
): Node | number {
  if (path === '') return E.ENOENT;
  let at = path.startsWith('/') ? top : cwd;
  const names = path.split('/').filter((n) => n !== '');
  const slash = path.endsWith('/');
  for (const [i, name] of names.entries()) {
    const last = i === names.length - 1;
    if (!at.children) return E.ENOTDIR;
    if (name === '.') continue;
    if (name === '..') {
      at = at.parent ?? at;
      continue;
    }
    const child = at.children.get(name);
    if (!child) return E.ENOENT;
    if (child.target === undefined || (last && !followLast && !slash)) {
      at = child;
      continue;
    }
    if (++budget.links > 40) return E.ELOOP;
    const reached = modelWalk(top, at, child.target, true, budget);
    if (typeof reached === 'number') return reached;
    at = reached;
  }
  return slash && !at.children ? E.ENOTDIR : at;
}

const name = fc.constantFrom('a', 'b', 'c');
const component = fc.oneof({ arbitrary: name, weight: 6 }, fc.constantFrom('.', '..', ''));
const path = fc
  .tuple(fc.boolean(), fc.array(component, { maxLength: 6 }), fc.boolean())
  .map(([absolute, parts, slash]) => `${absolute ? '/' : ''}${parts.join('/')}${slash ? '/' : ''}`);
const making = fc.record({
  where: fc.array(name, { maxLength: 3 }),
  name,
  what: fc.oneof(
    fc.constant('dir' as const),
    fc.constant('file' as const),
    path.map((to) => ({ to })),
  ),
});

function build(
  ctx: WalkContext,
  steps: readonly (typeof making extends fc.Arbitrary<infer T> ? T : never)[],
): Node {
  const top: Node = { parent: undefined, children: new Map(), inode: ctx.root.dentry.inode };
  for (const step of steps) {
    let at: Node | undefined = top;
    for (const part of step.where) at = at?.children?.get(part);
    if (!at?.children || at.children.has(step.name)) continue;
    const where = `/${[...step.where, step.name].join('/')}`;
    if (typeof step.what === 'object') {
      if (step.what.to === '') continue;
      const made = ok(makeSymlink(ctx, step.what.to, where));
      at.children.set(step.name, { parent: at, target: step.what.to, inode: made.dentry.inode });
    } else if (step.what === 'dir') {
      const made = ok(makeDirectory(ctx, where, 0o755));
      at.children.set(step.name, { parent: at, children: new Map(), inode: made.dentry.inode });
    } else {
      const made = ok(makeNode(ctx, where, S_IFREG | 0o644, 0));
      at.children.set(step.name, { parent: at, inode: made.dentry.inode });
    }
  }
  return top;
}

describe('walk', () => {
  test.each([65_536, 2])('agrees with a recursive model, with a cache of %d names', (capacity) => {
    fc.assert(
      fc.property(
        fc.array(making, { maxLength: 25 }),
        fc.array(fc.tuple(path, fc.boolean()), { maxLength: 20 }),
        (steps, walks) => {
          const mounts = new MountNamespace(testTmpfs(), {}, new DentryCache(capacity));
          const ctx = { creds: root, root: mounts.root, cwd: mounts.root, mounts, umask: 0 };
          const top = build(ctx, steps);
          for (const [p, followLast] of walks) {
            const expected = modelWalk(top, top, p, followLast);
            const got = walk(ctx, p, { followLast });
            if (typeof expected === 'number') expect([p, errnoOf(got)]).toEqual([p, expected]);
            else expect([p, ok(got).dentry.inode === expected.inode]).toEqual([p, true]);
            expect(mounts.dentries.size).toBeLessThanOrEqual(Math.max(capacity, 30));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('refuses the 41st symlink with ELOOP and follows the 40th', () => {
    const ctx = testContext();
    ok(makeDirectory(ctx, '/end', 0o755));
    let before = 'end';
    for (let i = 1; i <= 41; i++) {
      ok(makeSymlink(ctx, before, `/l${i}`));
      before = `l${i}`;
    }
    expect(walk(ctx, '/l40', { followLast: true })).not.toBeInstanceOf(Failure);
    expect(errnoOf(walk(ctx, '/l41', { followLast: true }))).toBe(E.ELOOP);
  });

  test('refuses names over 255 bytes and paths over 4095 with ENAMETOOLONG', () => {
    const ctx = testContext();
    const long = (n: number): number => errnoOf(walk(ctx, 'x'.repeat(n), { followLast: true }));
    expect([long(255), long(256)]).toEqual([E.ENOENT, E.ENAMETOOLONG]);
    expect(errnoOf(walk(ctx, './'.repeat(2047), { followLast: true }))).toBe(0);
    expect(errnoOf(walk(ctx, './'.repeat(2048), { followLast: true }))).toBe(E.ENAMETOOLONG);
  });

  test('needs search permission on each directory, before it says what is there', () => {
    const ctx = testContext();
    ok(makeDirectory(ctx, '/shut', 0o700));
    const asUser = { ...ctx, creds: user };
    expect(errnoOf(walk(asUser, '/shut/nothing', { followLast: true }))).toBe(E.EACCES);
    expect(errnoOf(walk(asUser, '/shut', { followLast: true }))).toBe(0);
    expect(errnoOf(walk(asUser, '/shut/.', { followLast: true }))).toBe(E.EACCES);
    expect(errnoOf(walk(ctx, '/shut/nothing', { followLast: true }))).toBe(E.ENOENT);
  });

  test('crosses mounts downwards and by ".."', () => {
    const ctx = testContext();
    const at = ok(makeDirectory(ctx, '/mnt', 0o755));
    ok(makeDirectory(ctx, '/mnt/hidden', 0o755));
    const fs = testTmpfs();
    const mount = ctx.mounts.mount(fs, at);
    const inside = ok(makeDirectory(ctx, '/mnt/in', 0o755));
    expect(inside.mount).toBe(mount);
    expect(errnoOf(walk(ctx, '/mnt/hidden', { followLast: true }))).toBe(E.ENOENT);
    expect(ok(walk({ ...ctx, cwd: inside }, '../..', { followLast: true })).dentry).toBe(ctx.root.dentry);
    expect(pathName(inside, ctx.root)).toBe('/mnt/in');
    expect(errnoOf(walk(ctx, 'mnt/in', { followLast: true, resolve: RESOLVE_NO_XDEV }))).toBe(E.EXDEV);
    // A mount on a mount covers it, and goes first.
    const second = ctx.mounts.mount(testTmpfs(), ok(walk(ctx, '/mnt', { followLast: true })));
    expect(ok(walk(ctx, '/mnt', { followLast: true })).mount).toBe(second);
    expect(errnoOf(ctx.mounts.umount(mount, { detach: false }))).toBe(E.EBUSY);
    expect(ctx.mounts.umount(second, { detach: false })).toBeUndefined();
    expect(ctx.mounts.umount(mount, { detach: false })).toBeUndefined();
    expect(errnoOf(walk(ctx, '/mnt/hidden', { followLast: true }))).toBe(0);
  });

  test('keeps ".." within a root that chroot set', () => {
    const ctx = testContext();
    const jail = ok(makeDirectory(ctx, '/jail', 0o755));
    ok(makeSymlink(ctx, '/../..', '/jail/up'));
    const inside = { ...ctx, root: jail, cwd: jail };
    expect(ok(walk(inside, '../../..', { followLast: true })).dentry).toBe(jail.dentry);
    expect(ok(walk(inside, 'up', { followLast: true })).dentry).toBe(jail.dentry);
  });

  test('RESOLVE_BENEATH and RESOLVE_IN_ROOT hold the walk in its directory', () => {
    const ctx = testContext();
    const dir = ok(makeDirectory(ctx, '/d', 0o755));
    ok(makeDirectory(ctx, '/d/sub', 0o755));
    ok(makeSymlink(ctx, '/d', '/d/abs'));
    ok(makeSymlink(ctx, '../sub', '/d/sub/side'));
    const at = { ...ctx, cwd: dir };
    const errno = (p: string, resolve: number): number => errnoOf(walk(at, p, { followLast: true, resolve }));
    expect(errno('..', RESOLVE_BENEATH)).toBe(E.EXDEV);
    expect(errno('/', RESOLVE_BENEATH)).toBe(E.EXDEV);
    expect(errno('abs', RESOLVE_BENEATH)).toBe(E.EXDEV);
    expect(errno('sub/side', RESOLVE_BENEATH)).toBe(0);
    expect(errno('sub/side', RESOLVE_NO_SYMLINKS)).toBe(E.ELOOP);
    expect(ok(walk(at, '/../..', { followLast: true, resolve: RESOLVE_IN_ROOT })).dentry).toBe(dir.dentry);
    expect(errno('abs', RESOLVE_IN_ROOT)).toBe(E.ENOENT);
  });
});
