import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { E } from '../../../../src/abi/errno.js';
import { O_CREAT, O_DIRECTORY, O_EXCL, O_PATH, O_RDONLY, O_RDWR } from '../../../../src/abi/open.js';
import type { HostFd } from '../../../../src/base/brand.js';
import { newHostFiles } from '../../../../src/platform/host/host-files.unsafe.js';
import { newHostStat } from '../../../../src/platform/host-files.js';

const files = newHostFiles();
const text = (s: string): Uint8Array => Buffer.from(s, 'latin1');
let top: string;
let root: HostFd;

function open(path: string, flags: number, mode = 0): HostFd {
  const fd = files.openBeneath(root, path, flags, mode);
  if (fd < 0) throw new Error(`open ${path}: ${fd}`);
  return fd as HostFd;
}

beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'troupe-files-'));
  mkdirSync(join(top, 'root/dir/deep'), { recursive: true });
  writeFileSync(join(top, 'secret'), 'outside');
  writeFileSync(join(top, 'root/dir/file'), 'hello');
  symlinkSync('../../secret', join(top, 'root/dir/out'));
  symlinkSync('/etc', join(top, 'root/etc'));
  root = files.openRoot(join(top, 'root')) as HostFd;
});

afterAll(() => {
  files.close(root);
  rmSync(top, { recursive: true });
});

describe('openBeneath', () => {
  test.each([
    ['..', -E.EXDEV],
    ['../secret', -E.EXDEV],
    ['dir/../../secret', -E.EXDEV],
    ['/etc/passwd', -E.EXDEV],
    ['dir/out', -E.ELOOP],
    ['etc/passwd', -E.ELOOP],
    ['', -E.ENOENT],
    ['none', -E.ENOENT],
    ['dir/file/x', -E.ENOTDIR],
    ['x'.repeat(5000), -E.ENAMETOOLONG],
  ])('of %j fails', (path, errno) => {
    expect(files.openBeneath(root, path, O_RDONLY, 0)).toBe(errno);
  });

  test('opens several components, and reads at a position', () => {
    const fd = open('dir/file', O_RDONLY);
    const into = new Uint8Array(10);
    expect(files.pread(fd, into, 1)).toBe(4);
    expect(Buffer.from(into.subarray(0, 4)).toString()).toBe('ello');
    files.close(fd);
  });

  test('makes files with any bytes in their names', () => {
    const fd = open('dir/\xff\xc3(', O_CREAT | O_EXCL | O_RDWR, 0o600);
    expect(files.pwrite(fd, text('abc'), 2)).toBe(3);
    const stat = newHostStat();
    expect(files.fstat(fd, stat)).toBe(0);
    expect([stat.size, stat.mode, stat.nlink]).toEqual([5, 0o100600, 1]);
    files.close(fd);
    expect(files.unlinkBeneath(root, 'dir/\xff\xc3(', 0)).toBe(0);
  });
});

describe('names', () => {
  test('lstat tells of the link, not of its target, and never leaves', () => {
    const stat = newHostStat();
    expect(files.lstatBeneath(root, 'dir/out', stat)).toBe(0);
    expect(stat.mode & 0o170000).toBe(0o120000);
    expect(files.readlinkBeneath(root, 'dir/out')).toBe('../../secret');
    expect(files.lstatBeneath(root, 'etc/passwd', stat)).toBe(-E.ELOOP);
    expect(files.lstatBeneath(root, '..', stat)).toBe(-E.EXDEV);
    expect(files.readlinkBeneath(root, 'dir/file')).toBe(-E.EINVAL);
  });

  test('readDirectory lists everything, again and again', () => {
    mkdirSync(join(top, 'root/many'));
    for (let i = 0; i < 2000; i++) writeFileSync(join(top, `root/many/file-with-a-long-name-${i}`), '');
    const fd = open('many', O_RDONLY | O_DIRECTORY);
    for (let round = 0; round < 2; round++) {
      const entries = files.readDirectory(fd);
      if (typeof entries === 'number') throw new Error(`readDirectory: ${entries}`);
      expect(new Set(entries.map((e) => e.name)).size).toBe(2000);
      expect(entries.every((e) => e.type === 8 && e.ino > 0)).toBe(true);
    }
    files.close(fd);
  });

  test('mkdir, rename, link, symlink, unlink', () => {
    expect(files.mkdirBeneath(root, 'dir/new', 0o755)).toBe(0);
    expect(files.mkdirBeneath(root, 'dir/new', 0o755)).toBe(-E.EEXIST);
    expect(files.renameBeneath(root, 'dir/new', root, 'moved', 0)).toBe(0);
    expect(files.linkBeneath(root, 'dir/file', root, 'moved/again')).toBe(0);
    expect(files.symlinkBeneath('again', root, 'moved/link')).toBe(0);
    expect(files.unlinkBeneath(root, 'moved', 0x200)).toBe(-E.ENOTEMPTY);
    expect(files.unlinkBeneath(root, 'moved/link', 0)).toBe(0);
    expect(files.unlinkBeneath(root, 'moved/again', 0)).toBe(0);
    expect(files.unlinkBeneath(root, 'moved', 0x200)).toBe(0);
  });
});

describe('attributes', () => {
  test('chmod and times also by an O_PATH descriptor', () => {
    const fd = open('dir/file', O_PATH);
    const stat = newHostStat();
    expect(files.fchmod(fd, 0o640)).toBe(0);
    expect(files.futimens(fd, 5_000_000_007n, undefined)).toBe(0);
    files.fstat(fd, stat);
    expect([stat.mode & 0o7777, stat.atimeSec, stat.atimeNsec]).toEqual([0o640, 5, 7]);
    const { mtimeSec } = stat;
    expect(files.futimens(fd, undefined, -1n)).toBe(0);
    files.fstat(fd, stat);
    expect([stat.atimeSec, stat.mtimeSec, stat.mtimeNsec]).toEqual([5, -1, 999_999_999]);
    expect(mtimeSec).toBeGreaterThan(0);
    files.close(fd);
  });

  test('statfs and stat agree with the host', () => {
    const s = files.statfs(root);
    const type = execFileSync('stat', ['-f', '-c', '%t', top], { encoding: 'utf8' }).trim();
    expect(typeof s === 'number' ? s : s.type.toString(16)).toBe(type);
    const stat = newHostStat();
    files.fstat(root, stat);
    expect(String(stat.ino)).toBe(
      execFileSync('stat', ['-c', '%i', join(top, 'root')], { encoding: 'utf8' }).trim(),
    );
  });
});

describe('streams', () => {
  test('a pipe is read and written without blocking', () => {
    // Both ends by one descriptor: a FIFO opened for reading and writing.
    execFileSync('mkfifo', [join(top, 'root/fifo')]);
    const fd = open('fifo', O_RDWR);
    const into = new Uint8Array(100);
    expect(files.readStream(fd, into)).toBe(-E.EAGAIN);
    expect(files.poll(fd, 5)).toBe(4);
    expect(files.writeStream(fd, text('abc'))).toBe(3);
    expect(files.poll(fd, 1)).toBe(1);
    expect(files.readStream(fd, into)).toBe(3);
    let total = 0;
    for (let n = files.writeStream(fd, new Uint8Array(100_000)); n > 0; ) {
      total += n;
      n = files.writeStream(fd, new Uint8Array(100_000));
    }
    // The last page counts as full for poll(2) once something is in it.
    expect(total).toBeGreaterThan(65_536 - 4096);
    expect(total).toBeLessThanOrEqual(65_536);
    expect(files.writeStream(fd, text('x'))).toBe(-E.EAGAIN);
    files.close(fd);
  });

  test('a terminal is asked first', () => {
    const master = files.openRoot('/dev/ptmx') as HostFd;
    expect(files.readStream(master, new Uint8Array(10))).toBe(-E.EAGAIN);
    expect(files.ioctl(master, 0x5413, new Uint8Array(8))).toBe(0);
    files.close(master);
  });

  test('a memfd is memory that can be sized, written and told of before it is closed', () => {
    const fd = files.memfd('test') as HostFd;
    expect(files.ftruncate(fd, 2 ** 40)).toBe(0);
    expect(files.pwrite(fd, text('end'), 2 ** 40 - 3)).toBe(3);
    expect(files.lseek(fd, 0, 3)).toBeGreaterThan(2 ** 39);
    const closed: number[] = [];
    files.beforeClose = (closing) => closed.push(closing);
    files.close(fd);
    files.beforeClose = () => {};
    expect(closed).toEqual([fd]);
    expect(files.pread(fd, new Uint8Array(1), 0)).toBe(-E.EBADF);
  });
});
