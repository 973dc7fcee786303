import { describe, expect, test } from '@jest/globals';
import { E } from '../../../../src/abi/errno.js';
import { S_IFREG, S_ISVTX } from '../../../../src/abi/mode.js';
import { MS_RDONLY } from '../../../../src/abi/mount.js';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../../../src/abi/open.js';
import { changeMode } from '../../../../src/kernel/fs/change.js';
import type { Inode } from '../../../../src/kernel/fs/inode.js';
import { makeDirectory, makeLink, makeNode, makeSymlink } from '../../../../src/kernel/fs/make.js';
import type { VfsPath } from '../../../../src/kernel/fs/path.js';
import { pathName } from '../../../../src/kernel/fs/path-name.js';
import { rename } from '../../../../src/kernel/fs/rename.js';
import { type WalkContext, walk } from '../../../../src/kernel/fs/walk.js';
import { errnoOf, ok } from '../../support/file-system.js';
import { testContext, testTmpfs, user } from '../../support/vfs.js';

const find = (ctx: WalkContext, p: string): VfsPath => ok(walk(ctx, p, { followLast: false }));
const inodeAt = (ctx: WalkContext, p: string): Inode => find(ctx, p).dentry.inode;
const gone = (ctx: WalkContext, p: string): boolean =>
  errnoOf(walk(ctx, p, { followLast: false })) === E.ENOENT;

/** /f /g files, /h another name of f, /l a symlink, /d empty, /e with /e/x, /e/sub. */
function tree(): WalkContext {
  const ctx = testContext();
  for (const p of ['/f', '/g']) ok(makeNode(ctx, p, S_IFREG | 0o644, 0));
  ok(makeLink(ctx, find(ctx, '/f'), '/h'));
  ok(makeSymlink(ctx, 'd', '/l'));
  for (const p of ['/d', '/e', '/e/sub']) ok(makeDirectory(ctx, p, 0o755));
  ok(makeNode(ctx, '/e/x', S_IFREG | 0o644, 0));
  return ctx;
}

const move = (ctx: WalkContext, from: string, to: string, flags = 0): number =>
  errnoOf(rename(ctx, from, ctx, to, flags));

describe('rename', () => {
  test.each([
    // from, to, flags, errno
    ['/f', '/g', 0, 0],
    ['/f', '/new', 0, 0],
    ['/f', '/h', 0, 0],
    ['/d', '/new', 0, 0],
    ['/d', '/new/', 0, 0],
    ['/e', '/d', 0, 0],
    ['/l', '/new', 0, 0],
    ['/l', '/f', 0, 0],
    ['/f', '/d', 0, E.EISDIR],
    ['/d', '/f', 0, E.ENOTDIR],
    ['/d', '/e', 0, E.ENOTEMPTY],
    ['/e', '/e/sub/new', 0, E.EINVAL],
    ['/e', '/e/sub', 0, E.EINVAL],
    ['/e/sub', '/e', 0, E.ENOTEMPTY],
    ['/e/x', '/e', 0, E.ENOTEMPTY],
    ['/f', '/new/', 0, E.ENOTDIR],
    ['/f/', '/new', 0, E.ENOTDIR],
    ['/none', '/new', 0, E.ENOENT],
    ['/f', '/none/new', 0, E.ENOENT],
    ['/f', '/g/new', 0, E.ENOTDIR],
    ['/f', '/.', 0, E.EBUSY],
    ['/d/.', '/new', 0, E.EBUSY],
    ['/d/..', '/new', 0, E.EBUSY],
    ['/', '/new', 0, E.EBUSY],
    ['', '/new', 0, E.ENOENT],
    ['/f', '', 0, E.ENOENT],
    ['/f', '/g', RENAME_NOREPLACE, E.EEXIST],
    ['/f', '/new', RENAME_NOREPLACE, 0],
    ['/f', '/d', RENAME_EXCHANGE, 0],
    ['/f', '/new', RENAME_EXCHANGE, E.ENOENT],
    ['/e', '/e/sub', RENAME_EXCHANGE, E.EINVAL],
    ['/e/sub', '/e', RENAME_EXCHANGE, E.EINVAL],
    ['/f', '/g', RENAME_EXCHANGE | RENAME_NOREPLACE, E.EINVAL],
    ['/f', '/g', 8, E.EINVAL],
  ])('%s to %s with flags %d answers %d', (from, to, flags, errno) => {
    expect(move(tree(), from, to, flags)).toBe(errno);
  });

  test('moves the inode, and open places below see the new name', () => {
    const ctx = tree();
    const x = find(ctx, '/e/x');
    expect(move(ctx, '/e', '/d')).toBe(0);
    expect(pathName(x, ctx.root)).toBe('/d/x');
    expect(find(ctx, '/d/x').dentry).toBe(x.dentry);
    expect(gone(ctx, '/e')).toBe(true);
  });

  test('what is replaced is deleted, and loses a link', () => {
    const ctx = tree();
    const g = find(ctx, '/g');
    move(ctx, '/f', '/g');
    expect([g.dentry.deleted, g.dentry.inode.attributes().nlink]).toEqual([true, 0]);
    expect(pathName(g, ctx.root)).toBe('/g (deleted)');
    expect(inodeAt(ctx, '/g').attributes().nlink).toBe(2);
  });

  test('two names of one file: nothing happens', () => {
    const ctx = tree();
    move(ctx, '/f', '/h');
    expect([gone(ctx, '/f'), inodeAt(ctx, '/h').attributes().nlink]).toEqual([false, 2]);
  });

  test('exchange swaps, and directory links follow', () => {
    const ctx = tree();
    const [f, sub] = [inodeAt(ctx, '/f'), inodeAt(ctx, '/e/sub')];
    const before = [inodeAt(ctx, '/').attributes().nlink, inodeAt(ctx, '/e').attributes().nlink];
    expect(move(ctx, '/f', '/e/sub', RENAME_EXCHANGE)).toBe(0);
    expect([inodeAt(ctx, '/f'), inodeAt(ctx, '/e/sub')]).toEqual([sub, f]);
    const after = [inodeAt(ctx, '/').attributes().nlink, inodeAt(ctx, '/e').attributes().nlink];
    expect(after).toEqual([(before[0] ?? 0) + 1, (before[1] ?? 0) - 1]);
  });

  test('moving a directory moves its ".." link', () => {
    const ctx = tree();
    move(ctx, '/e/sub', '/d/sub');
    const links = ['/', '/d', '/e', '/d/sub'].map((p) => inodeAt(ctx, p).attributes().nlink);
    expect(links).toEqual([4, 3, 2, 2]);
  });

  test('mountpoints are busy; other mounts and read-only ones refuse', () => {
    const ctx = tree();
    const mount = ctx.mounts.mount(testTmpfs(), find(ctx, '/d'));
    expect(move(ctx, '/d', '/new')).toBe(E.EBUSY);
    expect(move(ctx, '/e/sub', '/d')).toBe(E.EBUSY);
    expect(move(ctx, '/f', '/d/f')).toBe(E.EXDEV);
    ctx.root.mount.flags |= MS_RDONLY;
    expect(move(ctx, '/f', '/new')).toBe(E.EROFS);
    expect(mount.flags & MS_RDONLY).toBe(0);
  });

  test('needs write permission on both directories, and ownership in a sticky one', () => {
    const ctx = tree();
    const asUser = { ...ctx, creds: user };
    expect(move(asUser, '/f', '/new')).toBe(E.EACCES);
    changeMode(find(ctx, '/'), ctx.creds, 0o777);
    expect(move(asUser, '/f', '/new')).toBe(0);
    changeMode(find(ctx, '/'), ctx.creds, 0o777 | S_ISVTX);
    expect(move(asUser, '/new', '/f')).toBe(E.EPERM);
    ok(makeNode(asUser, '/mine', S_IFREG | 0o644, 0));
    expect(move(asUser, '/mine', '/yours')).toBe(0);
    expect(move(asUser, '/yours', '/g')).toBe(E.EPERM);
  });
});
