import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { E } from '../../../../../src/abi/errno.js';
import { S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from '../../../../../src/abi/mode.js';
import { O_APPEND, O_RDWR, O_WRONLY } from '../../../../../src/abi/open.js';
import { type HostFs, newHostFs } from '../../../../../src/kernel/fs/host/host-fs.js';
import { newOverlay } from '../../../../../src/kernel/fs/overlay/overlay.js';
import {
  at,
  contentOf,
  errnoOf,
  fsServices,
  hostFiles,
  namesOf,
  ok,
  read,
  rootFdOf,
  write,
} from '../../../support/file-system.js';

let top: string;
let fs: HostFs;
const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const file = { ...me, mode: S_IFREG | 0o666 };

function mount(options: { readOnly: boolean; openFiles?: number; openDirectories?: number }): HostFs {
  fs = newHostFs({ hostFiles, source: top, rootFd: rootFdOf(top), ...options });
  return fs;
}

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'troupe-host-'));
  mkdirSync(join(top, 'dir/sub'), { recursive: true });
  writeFileSync(join(top, 'dir/file'), 'hello');
  symlinkSync('../../..', join(top, 'dir/up'));
});
afterEach(() => {
  fs.release();
  rmSync(top, { recursive: true });
});

describe('read-only', () => {
  test('shows names, attributes and contents of the host', () => {
    mount({ readOnly: true });
    expect(namesOf(fs.root)).toEqual(['dir']);
    expect(namesOf(ok(at(fs, 'dir'))).sort()).toEqual(['file', 'sub', 'up']);
    const seen = ok(at(fs, 'dir/file')).attributes();
    const real = statSync(join(top, 'dir/file'));
    expect(seen).toMatchObject({ size: 5, ino: real.ino, mode: real.mode, nlink: 1, dev: fs.dev, ...me });
    expect(contentOf(ok(at(fs, 'dir/file')))).toBe('hello');
    expect(ok(at(fs, 'dir/up')).readlink()).toBe('../../..');
  });

  test('answers EROFS to every change', () => {
    const { root } = mount({ readOnly: true });
    const dir = ok(at(fs, 'dir'));
    const x = ok(at(fs, 'dir/file'));
    expect(errnoOf(root.create('x', file))).toBe(E.EROFS);
    expect(errnoOf(root.mkdir('x', { ...me, mode: S_IFDIR | 0o755 }))).toBe(E.EROFS);
    expect(errnoOf(dir.unlink('file'))).toBe(E.EROFS);
    expect(errnoOf(dir.rename('file', root, 'y', { exchange: false }))).toBe(E.EROFS);
    expect(errnoOf(x.setAttributes({ mode: 0 }))).toBe(E.EROFS);
    expect(errnoOf(x.open(O_WRONLY, undefined))).toBe(E.EROFS);
  });

  test('goes nowhere by a name that leaves', () => {
    mount({ readOnly: true });
    expect(errnoOf(fs.root.lookup('..'))).not.toBe(0);
    expect(errnoOf(ok(at(fs, 'dir/up')).lookup('etc'))).not.toBe(0);
  });

  test('sees what the host changes, also behind evicted descriptors', () => {
    mount({ readOnly: true, openDirectories: 1, openFiles: 1 });
    const x = ok(at(fs, 'dir/file'));
    writeFileSync(join(top, 'dir/file'), 'longer now');
    expect(x.attributes().size).toBe(10);
    expect(namesOf(ok(at(fs, 'dir/sub')))).toEqual([]);
    rmSync(join(top, 'dir/file'));
    writeFileSync(join(top, 'dir/other'), '');
    writeFileSync(join(top, 'dir/file'), 'another');
    // What was looked up is gone; a file of the same name is another one.
    const opened = x.open(0, undefined);
    if (statSync(join(top, 'dir/file')).ino !== x.attributes().ino) expect(errnoOf(opened)).toBe(E.ENOENT);
  });

  test('keeps no more descriptors open than it was told', () => {
    mount({ readOnly: true, openFiles: 4, openDirectories: 4 });
    for (let i = 0; i < 20; i++) {
      mkdirSync(join(top, `d${i}`));
      writeFileSync(join(top, `d${i}/f`), String(i));
    }
    const held = ok(ok(at(fs, 'd0/f')).open(0, undefined));
    for (let i = 0; i < 20; i++) expect(contentOf(ok(at(fs, `d${i}/f`)))).toBe(String(i));
    expect(read(held)).toBe('0');
    const before = openDescriptors();
    held.release();
    fs.files.dispose();
    fs.directories.dispose();
    expect(before - openDescriptors()).toBeLessThanOrEqual(8);
  });
});

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

describe('read-write', () => {
  test('changes reach the host', () => {
    const { root } = mount({ readOnly: false });
    const made = ok(root.create('new', file));
    expect(made.mode & 0o7777).toBe(0o666);
    const opened = ok(made.open(O_RDWR, undefined));
    expect(write(opened, 'x'.repeat(100_000))).toBe(100_000);
    expect(write(opened, 'yy', 10)).toBe(2);
    expect(read(opened, 4, 9)).toBe('xyyx');
    opened.release();
    expect(readFileSync(join(top, 'new'), 'utf8').slice(9, 13)).toBe('xyyx');
    const appending = ok(made.open(O_WRONLY | O_APPEND, undefined));
    write(appending, 'end', 0);
    appending.release();
    expect(statSync(join(top, 'new')).size).toBe(100_003);
    made.setAttributes({ size: 3, mode: 0o4755, mtime: { sec: 77, nsec: 0 } });
    expect(statSync(join(top, 'new'))).toMatchObject({ size: 3, mode: 0o104755, mtimeMs: 77_000 });
    expect(errnoOf(root.create('new', file))).toBe(E.EEXIST);
    expect(errnoOf(root.create('fifo', { ...me, mode: S_IFIFO | 0o600 }))).toBe(E.EPERM);
    ok(root.symlink('link', 'to\xff', { ...me, mode: S_IFLNK | 0o777 }));
    expect(ok(at(fs, 'link')).readlink()).toBe('to\xff');
  });

  test('a renamed directory goes on being the same', () => {
    const { root } = mount({ readOnly: false, openDirectories: 1 });
    const dir = ok(at(fs, 'dir'));
    const x = ok(at(fs, 'dir/file'));
    expect(root.rename('dir', root, 'moved', { exchange: false })).toBeUndefined();
    expect(namesOf(dir).sort()).toEqual(['file', 'sub', 'up']);
    expect(contentOf(x)).toBe('hello');
    expect(errnoOf(root.rmdir('moved'))).toBe(E.ENOTEMPTY);
    expect(dir.unlink('file')).toBeUndefined();
    expect(dir.unlink('up')).toBeUndefined();
    expect(dir.rmdir('sub')).toBeUndefined();
    expect(root.rmdir('moved')).toBeUndefined();
    expect(namesOf(root)).toEqual([]);
  });

  test('an unlinked file lives as long as it is open', () => {
    mount({ readOnly: false });
    const opened = ok(ok(at(fs, 'dir/file')).open(O_RDWR, undefined));
    ok(at(fs, 'dir')).unlink('file');
    expect(opened.inode.attributes().nlink).toBe(0);
    expect(read(opened)).toBe('hello');
    opened.release();
  });
});

test('under an overlay nothing of the host changes', () => {
  mount({ readOnly: true });
  const overlay = newOverlay(fsServices(), { lower: fs });
  const listing = (): string => execFileSync('ls', ['-laR', '--full-time', top], { encoding: 'utf8' });
  const before = listing();
  const x = ok(ok(at(overlay, 'dir/file')).open(O_RDWR, undefined));
  write(x, 'HELLO WORLD');
  x.release();
  ok(at(overlay, 'dir')).setAttributes({ mode: 0o700, uid: 12345 });
  overlay.root.rename('dir', overlay.root, 'moved', { exchange: false });
  ok(at(overlay, 'moved')).unlink('up');
  expect(contentOf(ok(at(overlay, 'moved/file')))).toBe('HELLO WORLD');
  expect(ok(at(overlay, 'moved/file')).attributes().ino).toBe(statSync(join(top, 'dir/file')).ino);
  expect(ok(at(overlay, 'moved')).attributes().uid).toBe(12345);
  expect(listing()).toBe(before);
  overlay.upper.release();
});
