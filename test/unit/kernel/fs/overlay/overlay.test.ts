import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { E } from '../../../../../src/abi/errno.js';
import { S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from '../../../../../src/abi/mode.js';
import { O_RDWR, O_WRONLY } from '../../../../../src/abi/open.js';
import type { FileSystem, Inode } from '../../../../../src/kernel/fs/inode.js';
import { newOverlay } from '../../../../../src/kernel/fs/overlay/overlay.js';
import { newTmpfs, type Tmpfs } from '../../../../../src/kernel/fs/tmpfs/tmpfs.js';
import { Failure } from '../../../../../src/kernel/outcome.js';
import {
  at,
  contentOf,
  errnoOf,
  fsServices,
  hostFiles,
  namesOf,
  ok,
  read,
  write,
} from '../../../support/file-system.js';

const services = fsServices();
const owner = { uid: 0, gid: 0 };
const file = { ...owner, mode: S_IFREG | 0o644 };
const directory = { ...owner, mode: S_IFDIR | 0o755 };

/** A tree with every kind of thing in it. */
function tree(): Tmpfs {
  const fs = newTmpfs({ clock: services.clock, hostFiles });
  const { root } = fs;
  for (const name of ['a', 'b']) {
    const dir = ok(root.mkdir(name, directory));
    const one = ok(dir.create('x', file));
    const opened = ok(one.open(O_WRONLY, undefined));
    write(opened, `content of ${name}/x`);
    opened.release();
    ok(dir.mkdir('c', directory));
    ok(dir.symlink('y', 'x', { ...owner, mode: S_IFLNK | 0o777 }));
  }
  const big = ok(root.create('c', file));
  const opened = ok(big.open(O_WRONLY, undefined));
  write(opened, 'z'.repeat(10_000));
  opened.release();
  root.link('y', ok(at(fs, 'a/x')));
  ok(ok(at(fs, 'a/c')).create('y', { ...owner, mode: S_IFIFO | 0o600 }));
  return fs;
}

/** Everything that can be seen, with what is the same file told by a number of our own. */
function snapshot(fs: FileSystem): unknown {
  const numbers = new Map<number, number>();
  const show = (inode: Inode): unknown => {
    const a = inode.attributes();
    let number = numbers.get(a.ino);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(a.ino, number);
    }
    const seen = { number, mode: a.mode, nlink: a.nlink, uid: a.uid, gid: a.gid, mtime: a.mtime };
    switch (a.mode & 0o170000) {
      case S_IFDIR: {
        const names = namesOf(inode).sort();
        return { ...seen, names: names.map((name) => [name, show(ok(inode.lookup(name)))]) };
      }
      case S_IFREG:
        return { ...seen, size: a.size, content: contentOf(inode) };
      case S_IFLNK:
        return { ...seen, target: inode.readlink() };
      default:
        return seen;
    }
  };
  return show(fs.root);
}

type Op = (fs: FileSystem) => number;

const name = fc.constantFrom('a', 'b', 'c', 'x', 'y');
const path = fc.array(name, { minLength: 1, maxLength: 3 });

/** What the VFS would check before it asks an inode. */
function within(fs: FileSystem, where: string[], act: (dir: Inode, name: string) => unknown): number {
  const dir = at(fs, where.slice(0, -1).join('/'));
  const last = where.at(-1) ?? '';
  if (dir instanceof Failure) return dir.errno;
  if ((dir.mode & S_IFDIR) !== S_IFDIR) return E.ENOTDIR;
  return errnoOf(act(dir, last));
}

const ops: fc.Arbitrary<Op> = fc.oneof(
  path.map(
    (p): Op =>
      (fs) =>
        within(fs, p, (d, n) => (d.lookup(n) instanceof Failure ? d.create(n, file) : undefined)),
  ),
  path.map(
    (p): Op =>
      (fs) =>
        within(fs, p, (d, n) => (d.lookup(n) instanceof Failure ? d.mkdir(n, directory) : undefined)),
  ),
  path.map(
    (p): Op =>
      (fs) =>
        within(fs, p, (d, n) =>
          d.lookup(n) instanceof Failure
            ? d.symlink(n, 'target', { ...owner, mode: S_IFLNK | 0o777 })
            : undefined,
        ),
  ),
  path.map(
    (p): Op =>
      (fs) =>
        within(fs, p, (d, n) => d.unlink(n)),
  ),
  path.map(
    (p): Op =>
      (fs) =>
        within(fs, p, (d, n) => d.rmdir(n)),
  ),
  fc.tuple(path, path).map(
    ([p, q]): Op =>
      (fs) => {
        const target = at(fs, q.join('/'));
        return target instanceof Failure ? target.errno : within(fs, p, (d, n) => d.link(n, target));
      },
  ),
  fc.tuple(path, path, fc.boolean()).map(
    ([p, q, exchange]): Op =>
      (fs) => {
        // The VFS refuses to move a directory into itself.
        const below = (a: string[], b: string[]): boolean => a.every((part, i) => part === b[i]);
        if (below(p, q) || below(q, p)) return -1;
        return within(fs, p, (from, n) => {
          let errno = 0;
          errno = within(fs, q, (to, m) => from.rename(n, to, m, { exchange }));
          return errno === 0 ? undefined : new Failure(errno as 1);
        });
      },
  ),
  fc.tuple(path, fc.integer({ min: 0, max: 12_000 }), fc.string({ maxLength: 20, unit: 'binary-ascii' })).map(
    ([p, offset, text]): Op =>
      (fs) =>
        within(fs, p, (d, n) => {
          const inode = d.lookup(n);
          if (inode instanceof Failure || (inode.mode & 0o170000) !== S_IFREG) return undefined;
          const opened = inode.open(O_RDWR, undefined);
          if (opened instanceof Failure) return opened;
          write(opened, text, offset);
          opened.release();
          return undefined;
        }),
  ),
  fc.tuple(path, fc.integer({ min: 0, max: 12_000 })).map(
    ([p, size]): Op =>
      (fs) =>
        within(fs, p, (d, n) => {
          const inode = d.lookup(n);
          if (inode instanceof Failure || (inode.mode & 0o170000) !== S_IFREG) return undefined;
          return inode.setAttributes({ size });
        }),
  ),
  fc.tuple(path, fc.integer({ min: 0, max: 0o7777 }), fc.nat(5)).map(
    ([p, mode, uid]): Op =>
      (fs) =>
        within(fs, p, (d, n) => {
          const inode = d.lookup(n);
          return inode instanceof Failure ? inode : inode.setAttributes({ mode, uid });
        }),
  ),
);

describe('an overlay', () => {
  test('shows the lower tree as it is', () => {
    expect(snapshot(newOverlay(services, { lower: tree() }))).toEqual(snapshot(tree()));
  });

  test('does what a plain file system does, and leaves the lower one alone', () => {
    const untouched = snapshot(tree());
    fc.assert(
      fc.property(fc.array(ops, { maxLength: 40 }), (sequence) => {
        const lower = tree();
        const overlay = newOverlay(services, { lower });
        const model = tree();
        for (const op of sequence) expect(op(overlay)).toBe(op(model));
        expect(snapshot(overlay)).toEqual(snapshot(model));
        expect(snapshot(lower)).toEqual(untouched);
        overlay.release();
        model.release();
      }),
      { numRuns: 300 },
    );
  });

  test('keeps inode numbers over copy-up and rename', () => {
    const overlay = newOverlay(services, { lower: tree() });
    const before = ok(at(overlay, 'a/x')).attributes().ino;
    ok(at(overlay, 'a/x')).setAttributes({ size: 3 });
    expect(ok(at(overlay, 'a/x')).attributes().ino).toBe(before);
    overlay.root.rename('a', overlay.root, 'moved', { exchange: false });
    expect(ok(at(overlay, 'moved/x')).attributes()).toMatchObject({ ino: before, size: 3 });
    expect(errnoOf(at(overlay, 'a'))).toBe(E.ENOENT);
  });

  test('writes through one name of a lower file are seen through the others', () => {
    const overlay = newOverlay(services, { lower: tree() });
    const opened = ok(ok(at(overlay, 'y')).open(O_RDWR, undefined));
    write(opened, 'NEW', 0);
    opened.release();
    expect(contentOf(ok(at(overlay, 'a/x')))).toBe('NEWtent of a/x');
    expect(ok(at(overlay, 'a/x')).attributes().nlink).toBe(2);
  });

  test('a file that was open before copy-up sees what is written later', () => {
    const overlay = newOverlay(services, { lower: tree() });
    const x = ok(at(overlay, 'b/x'));
    const reader = ok(x.open(0, undefined));
    expect(read(reader, 7)).toBe('content');
    const writer = ok(x.open(O_RDWR, undefined));
    write(writer, '12345678901234567890', 0);
    expect(read(reader, 100)).toBe('8901234567890');
    writer.release();
    reader.release();
  });

  test('an unlinked lower file can be read as long as it is open, and has no links', () => {
    const overlay = newOverlay(services, { lower: tree() });
    const x = ok(at(overlay, 'b/x'));
    const reader = ok(x.open(0, undefined));
    ok(at(overlay, 'b')).unlink('x');
    expect(read(reader)).toBe('content of b/x');
    expect(reader.inode.attributes().nlink).toBe(0);
    expect(errnoOf(at(overlay, 'b/x'))).toBe(E.ENOENT);
    reader.release();
  });

  test('a change through an inode that was open before is seen by all', () => {
    const overlay = newOverlay(services, { lower: tree() });
    const x = ok(at(overlay, 'b/x'));
    ok(x.open(0, undefined)).release();
    x.setAttributes({ mode: 0o600 });
    expect(ok(at(overlay, 'b/x')).mode & 0o777).toBe(0o600);
    expect(overlay.states.size).toBe(1);
  });

  test('reading leaves nothing behind', () => {
    const overlay = newOverlay(services, { lower: tree() });
    snapshot(overlay);
    expect(overlay.states.size).toBe(0);
  });

  test('a large file is copied whole', () => {
    const lower = tree();
    const opened = ok(ok(lower.root.create('large', file)).open(O_RDWR, undefined));
    const megabyte = 'm'.repeat(1 << 20);
    for (let i = 0; i < 3; i++) write(opened, megabyte);
    write(opened, 'end');
    opened.release();
    const overlay = newOverlay(services, { lower });
    const copy = ok(ok(at(overlay, 'large')).open(O_RDWR, undefined));
    write(copy, 'X', 5);
    expect(read(copy, 8, 0)).toBe('mmmmmXmm');
    expect(read(copy, 10, 3 << 20)).toBe('end');
    expect(copy.inode.attributes().size).toBe((3 << 20) + 3);
    copy.release();
    overlay.release();
  });

  test('directories are read on while names come and go', () => {
    const overlay = newOverlay(services, { lower: tree() });
    const dir = ok(overlay.root.open(0, undefined));
    const seen: string[] = [];
    for (;;) {
      let got = 0;
      dir.readDirectory((entry) => {
        if (got === 1) return false;
        seen.push(entry.name);
        got++;
        return true;
      });
      if (got === 0) break;
      const last = seen.at(-1) ?? '';
      if (last.length === 1 && last !== '.') overlay.root.unlink(last);
    }
    expect(seen.sort()).toEqual(['.', '..', 'a', 'b', 'c', 'y']);
    expect(namesOf(overlay.root)).toEqual(['a', 'b']);
  });
});
