import { describe, expect, test } from '@jest/globals';
import { E } from '../../../../src/abi/errno.js';
import { S_IFCHR, S_IFDIR, S_IFIFO, S_IFREG, S_ISGID, S_ISUID } from '../../../../src/abi/mode.js';
import { MS_NODEV, MS_RDONLY } from '../../../../src/abi/mount.js';
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from '../../../../src/abi/open.js';
import { changeMode, changeOwner, dropSetIds } from '../../../../src/kernel/fs/change.js';
import type { FileDescription } from '../../../../src/kernel/fs/file-description.js';
import { makeDirectory, makeLink, makeNode, makeSymlink } from '../../../../src/kernel/fs/make.js';
import type { VfsPath } from '../../../../src/kernel/fs/path.js';
import { removeDirectory, removeFile } from '../../../../src/kernel/fs/remove.js';
import { openFile } from '../../../../src/kernel/fs/vfs.js';
import { type WalkContext, walk } from '../../../../src/kernel/fs/walk.js';
import { Failure } from '../../../../src/kernel/outcome.js';
import { errnoOf, namesOf, ok, read, write } from '../../support/file-system.js';
import { root, testContext, testTmpfs, user } from '../../support/vfs.js';

const find = (ctx: WalkContext, p: string): VfsPath => ok(walk(ctx, p, { followLast: false }));
const stat = (ctx: WalkContext, p: string) => find(ctx, p).dentry.inode.attributes();

function opened(ctx: WalkContext, p: string, flags: number, mode = 0o644): FileDescription {
  return ok(openFile(ctx, p, flags, mode));
}
function openErrno(ctx: WalkContext, p: string, flags: number, mode = 0o644): number {
  const file = openFile(ctx, p, flags, mode);
  if (!(file instanceof Failure)) file.release();
  return errnoOf(file);
}

function tree(): WalkContext {
  const ctx = testContext();
  ok(makeDirectory(ctx, '/d', 0o755));
  ok(makeNode(ctx, '/f', S_IFREG | 0o644, 0));
  ok(makeSymlink(ctx, 'f', '/l'));
  ok(makeSymlink(ctx, 'nothing', '/dangling'));
  ok(makeSymlink(ctx, 'loop', '/loop'));
  return ctx;
}

describe('open', () => {
  test.each([
    ['/f', O_CREAT | O_EXCL, E.EEXIST],
    ['/l', O_CREAT | O_EXCL, E.EEXIST],
    ['/dangling', O_CREAT | O_EXCL, E.EEXIST],
    ['/dangling', O_CREAT, 0],
    ['/dangling', 0, E.ENOENT],
    ['/loop', O_CREAT, E.ELOOP],
    ['/l', O_NOFOLLOW, E.ELOOP],
    ['/l', O_NOFOLLOW | O_DIRECTORY, E.ENOTDIR],
    ['/l', O_NOFOLLOW | O_PATH, 0],
    ['/l/', 0, E.ENOTDIR],
    ['/f', O_DIRECTORY, E.ENOTDIR],
    ['/d', O_WRONLY, E.EISDIR],
    ['/d', O_CREAT, E.EISDIR],
    ['/d', O_TRUNC, E.EISDIR],
    ['/d/.', O_CREAT, E.EISDIR],
    ['/d/.', O_CREAT | O_EXCL, E.EEXIST],
    ['/new/', O_CREAT, E.EISDIR],
    ['/new', O_CREAT | O_DIRECTORY, E.EINVAL],
    ['/none/new', O_CREAT, E.ENOENT],
    ['/f/new', O_CREAT, E.ENOTDIR],
    ['/d', O_TMPFILE, E.EINVAL],
    ['/d', O_TMPFILE | O_RDWR, 0],
    ['/f', O_TMPFILE | O_RDWR, E.ENOTDIR],
    ['', O_CREAT, E.ENOENT],
  ])('%s with flags 0x%x answers %d', (p, flags, errno) => {
    expect(openErrno(tree(), p, flags)).toBe(errno);
  });

  test('a file made read-only is writable through the descriptor that made it', () => {
    const ctx = { ...tree(), creds: user };
    changeMode(ctx.root, root, 0o777);
    const file = opened(ctx, '/new', O_CREAT | O_WRONLY, 0o444);
    expect(write(file, 'x')).toBe(1);
    expect(openErrno(ctx, '/new', O_WRONLY)).toBe(E.EACCES);
    file.release();
  });

  test('O_TRUNC empties; a removed file lives on while it is open', () => {
    const fs = testTmpfs();
    const ctx = testContext(root, fs);
    const file = opened(ctx, '/f', O_CREAT | O_RDWR);
    write(file, 'hello');
    expect(removeFile(ctx, '/f')).toBeUndefined();
    expect(read(file, 9, 0)).toBe('hello');
    expect([file.inode.attributes().nlink, fs.store.used]).toEqual([0, 4096]);
    file.release();
    expect(fs.store.used).toBe(0);
    const again = opened(ctx, '/g', O_CREAT | O_RDWR);
    write(again, 'data');
    opened(ctx, '/g', O_WRONLY | O_TRUNC).release();
    expect(again.inode.attributes().size).toBe(0);
    again.release();
  });

  test('O_TMPFILE has no name until it is linked', () => {
    const fs = testTmpfs();
    const ctx = testContext(root, fs);
    const file = opened(ctx, '/', O_TMPFILE | O_RDWR);
    write(file, 'hidden');
    expect([namesOf(fs.root), file.inode.attributes().nlink]).toEqual([[], 0]);
    ok(makeLink(ctx, file.path as VfsPath, '/shown'));
    file.release();
    expect(stat(ctx, '/shown').size).toBe(6);
  });

  test('read-only and nodev mounts refuse', () => {
    const ctx = tree();
    ok(makeNode(ctx, '/null', S_IFCHR | 0o666, 0x103));
    ctx.root.mount.flags |= MS_RDONLY | MS_NODEV;
    expect(openErrno(ctx, '/f', O_WRONLY)).toBe(E.EROFS);
    expect(openErrno(ctx, '/f', 0)).toBe(0);
    expect(openErrno(ctx, '/new', O_CREAT)).toBe(E.EROFS);
    expect(openErrno(ctx, '/null', O_RDWR)).toBe(E.EACCES);
    expect(errnoOf(makeDirectory(ctx, '/f', 0o755))).toBe(E.EEXIST);
    expect(errnoOf(makeDirectory(ctx, '/x', 0o755))).toBe(E.EROFS);
    expect(errnoOf(removeFile(ctx, '/nothing'))).toBe(E.EROFS);
  });
});

describe('making and removing names', () => {
  test.each([
    ['/d/x/', E.ENOENT],
    ['/f/', E.EEXIST],
    ['/f', E.EEXIST],
    ['/dangling', E.EEXIST],
    ['/d/..', E.EEXIST],
    ['/', E.EEXIST],
  ])('mknod %s answers %d', (p, errno) => {
    expect(errnoOf(makeNode(tree(), p, S_IFREG | 0o644, 0))).toBe(errno);
  });

  test.each([
    ['/f', 0],
    ['/l', 0],
    ['/f/', E.ENOTDIR],
    ['/d', E.EISDIR],
    ['/d/', E.EISDIR],
    ['/none', E.ENOENT],
    ['/d/.', E.EISDIR],
  ])('unlink %s answers %d', (p, errno) => {
    expect(errnoOf(removeFile(tree(), p))).toBe(errno);
  });

  test.each([
    ['/d', 0],
    ['/d/', 0],
    ['/f', E.ENOTDIR],
    ['/d/.', E.EINVAL],
    ['/d/..', E.ENOTEMPTY],
    ['/', E.EBUSY],
    ['/none', E.ENOENT],
  ])('rmdir %s answers %d', (p, errno) => {
    expect(errnoOf(removeDirectory(tree(), p))).toBe(errno);
  });

  test('a removed directory takes no names and keeps no links', () => {
    const ctx = tree();
    const d = find(ctx, '/d');
    expect(errnoOf(removeDirectory(ctx, '/d'))).toBe(0);
    expect(d.dentry.inode.attributes().nlink).toBe(0);
    const inside = { ...ctx, cwd: d };
    expect(errnoOf(makeDirectory(inside, 'x', 0o755))).toBe(E.ENOENT);
    expect(openErrno(inside, 'x', O_CREAT)).toBe(E.ENOENT);
    expect(ok(walk(inside, '..', { followLast: true })).dentry).toBe(ctx.root.dentry);
  });

  test('links count; directories cannot be linked; mounts are not crossed', () => {
    const ctx = tree();
    ok(makeLink(ctx, find(ctx, '/f'), '/d/g'));
    expect(stat(ctx, '/f').nlink).toBe(2);
    expect(errnoOf(makeLink(ctx, find(ctx, '/d'), '/e'))).toBe(E.EPERM);
    ctx.mounts.mount(testTmpfs(), find(ctx, '/d'));
    expect(errnoOf(makeLink(ctx, find(ctx, '/f'), '/d/g'))).toBe(E.EXDEV);
    expect(errnoOf(removeDirectory(ctx, '/d'))).toBe(E.EBUSY);
  });

  test('a set-group-ID directory hands on its group', () => {
    const ctx = tree();
    changeOwner(find(ctx, '/d'), root, 0, 50);
    changeMode(find(ctx, '/d'), root, 0o2777);
    const asUser = { ...ctx, creds: user };
    ok(makeDirectory(asUser, '/d/sub', 0o755));
    ok(makeNode(asUser, '/d/file', S_IFREG | 0o2755, 0));
    expect(stat(ctx, '/d/sub')).toMatchObject({ gid: 50, uid: 1000, mode: S_IFDIR | 0o2755 });
    // The user is not in group 50, so an executable of that group does not get the bit.
    expect(stat(ctx, '/d/file')).toMatchObject({ gid: 50, mode: S_IFREG | 0o755 });
  });

  test('only CAP_MKNOD makes device nodes; anybody makes FIFOs', () => {
    const ctx = { ...tree(), creds: user };
    changeMode(ctx.root, root, 0o777);
    expect(errnoOf(makeNode(ctx, '/c', S_IFCHR | 0o666, 0x103))).toBe(E.EPERM);
    expect(errnoOf(makeNode(ctx, '/p', S_IFIFO | 0o666, 0))).toBe(0);
    expect(errnoOf(makeNode(ctx, '/d2', S_IFDIR | 0o666, 0))).toBe(E.EPERM);
  });

  test('chown and writes take set-id bits away', () => {
    const ctx = tree();
    const f = find(ctx, '/f');
    changeMode(f, root, 0o6755);
    dropSetIds(f.dentry.inode, user);
    expect(stat(ctx, '/f').mode & (S_ISUID | S_ISGID)).toBe(0);
    changeMode(f, root, 0o6755);
    expect(errnoOf(changeOwner(f, user, 1000, undefined))).toBe(E.EPERM);
    changeOwner(f, root, 1000, 1000);
    expect(stat(ctx, '/f')).toMatchObject({ uid: 1000, gid: 1000, mode: S_IFREG | 0o755 });
    expect(errnoOf(changeOwner(f, user, undefined, 7))).toBe(E.EPERM);
    expect(errnoOf(changeMode(f, user, 0o600))).toBe(0);
  });
});

describe('reading a directory', () => {
  test('sees every name once while names are removed and added behind it', () => {
    const fs = testTmpfs();
    const ctx = testContext(root, fs);
    for (let i = 0; i < 1000; i++) ok(makeNode(ctx, `/n${i}`, S_IFREG, 0));
    const file = opened(ctx, '/', O_DIRECTORY);
    const seen: string[] = [];
    for (;;) {
      const chunk: string[] = [];
      file.readDirectory((entry) => chunk.length < 70 && chunk.push(entry.name) > 0);
      if (chunk.length === 0) break;
      for (const name of chunk) {
        seen.push(name);
        if (name.startsWith('n')) ok(removeFile(ctx, `/${name}`) ?? undefined);
      }
    }
    file.release();
    expect(seen.length).toBe(1002);
    expect(new Set(seen).size).toBe(1002);
    expect(namesOf(fs.root)).toEqual([]);
  });

  test('goes on at any position it gave, and finds what was added later', () => {
    const ctx = testContext();
    for (const n of ['a', 'b', 'c']) ok(makeNode(ctx, `/${n}`, S_IFREG, 0));
    const file = opened(ctx, '/', O_DIRECTORY);
    const all: [string, number][] = [];
    const take = (): string[] => {
      const names: string[] = [];
      file.readDirectory((entry) => {
        all.push([entry.name, entry.next]);
        return names.push(entry.name) > 0;
      });
      return names;
    };
    expect(take()).toEqual(['.', '..', 'a', 'b', 'c']);
    const afterA = all.find(([name]) => name === 'a')?.[1] ?? -1;
    ok(removeFile(ctx, '/b') ?? undefined);
    ok(makeNode(ctx, '/z', S_IFREG, 0));
    expect(take()).toEqual(['z']);
    file.seek(afterA, 0);
    expect(take()).toEqual(['c', 'z']);
    file.seek(0, 0);
    expect(take()).toEqual(['.', '..', 'a', 'c', 'z']);
    file.release();
  });
});
