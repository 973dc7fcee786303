import { describe, expect, test } from '@jest/globals';
import { E } from '../../../../src/abi/errno.js';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_GETLK,
  F_RDLCK,
  F_SETFL,
  F_SETLK,
  F_SETLKW,
  F_WRLCK,
  flock,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_LARGEFILE,
  O_NONBLOCK,
  O_PATH,
  O_RDWR,
  O_WRONLY,
  SEEK_CUR,
  SEEK_END,
} from '../../../../src/abi/open.js';
import { RLIMIT } from '../../../../src/abi/resource.js';
import { stat as statStruct, statx as statxStruct } from '../../../../src/abi/stat.js';
import { bytesOf } from '../../../../src/base/bytes.js';
import type { FileDescription } from '../../../../src/kernel/fs/file-description.js';
import { newPipe } from '../../../../src/kernel/fs/pipe/new-pipe.js';
import { RESTART_IF_SA_RESTART } from '../../../../src/kernel/outcome.js';
import { attributesCalls } from '../../../../src/kernel/syscalls/attributes.js';
import { dirCalls } from '../../../../src/kernel/syscalls/dir.js';
import { fcntlCalls } from '../../../../src/kernel/syscalls/fcntl.js';
import { linkCalls } from '../../../../src/kernel/syscalls/link.js';
import { openCalls } from '../../../../src/kernel/syscalls/open.js';
import { readCalls } from '../../../../src/kernel/syscalls/read.js';
import { statCalls } from '../../../../src/kernel/syscalls/stat.js';
import { xattrCalls } from '../../../../src/kernel/syscalls/xattr.js';
import { BASE, FsTask, finish } from '../../support/fs-task.js';
import { root, user } from '../../support/vfs.js';

const calls = [
  ...openCalls,
  ...readCalls,
  ...statCalls,
  ...dirCalls,
  ...linkCalls,
  ...attributesCalls,
  ...fcntlCalls,
  ...xattrCalls,
];
const BUF = BASE;
const OUT = BASE + 0x8_0000;

class Guest extends FsTask {
  do(name: string, ...args: (number | string)[]): number {
    return this.call(calls, name, ...args);
  }
  open(path: string, flags: number, mode = 0o644): number {
    return this.do('openat', AT_FDCWD, path, flags, mode);
  }
  write(fd: number, text: string): number {
    this.bytes.set(bytesOf(text), BUF - BASE);
    return this.do('write', fd, BUF, text.length);
  }
  read(fd: number, length = 100): string {
    const n = this.do('read', fd, OUT, length);
    return n < 0 ? String(n) : this.text(OUT, n);
  }
}

describe('read and write', () => {
  test('move the position; pread and pwrite do not', () => {
    const g = new Guest();
    const fd = g.open('/f', O_CREAT | O_RDWR);
    expect(g.write(fd, 'hello world')).toBe(11);
    expect(g.do('lseek', fd, -5, SEEK_CUR)).toBe(6);
    expect(g.read(fd)).toBe('world');
    expect(g.read(fd)).toBe('');
    expect(g.do('pread64', fd, OUT, 4, 1)).toBe(4);
    expect(g.text(OUT, 4)).toBe('ello');
    expect(g.do('lseek', fd, 0, SEEK_CUR)).toBe(11);
    expect(g.do('lseek', fd, -12, SEEK_END)).toBe(-E.EINVAL);
    expect(g.do('lseek', fd, 0, 7)).toBe(-E.EINVAL);
  });

  test('refuse the wrong access mode and O_PATH with EBADF, directories with EISDIR', () => {
    const g = new Guest();
    const w = g.open('/f', O_CREAT | O_WRONLY);
    const r = g.open('/f', 0);
    const p = g.open('/f', O_PATH);
    const d = g.open('/', O_DIRECTORY);
    expect([g.do('read', w, OUT, 1), g.do('write', r, BUF, 1)]).toEqual([-E.EBADF, -E.EBADF]);
    expect([g.do('read', p, OUT, 1), g.do('lseek', p, 0, 0), g.do('fstat', p, OUT)]).toEqual([
      -E.EBADF,
      -E.EBADF,
      0,
    ]);
    expect(g.do('read', d, OUT, 1)).toBe(-E.EISDIR);
    expect(g.do('read', 77, OUT, 1)).toBe(-E.EBADF);
    expect(g.do('pread64', r, OUT, 1, -1)).toBe(-E.EINVAL);
  });

  test('a bad buffer is EFAULT, a partly bad one a partial result', () => {
    const g = new Guest();
    const fd = g.open('/f', O_CREAT | O_RDWR);
    expect(g.do('write', fd, 16, 10)).toBe(-E.EFAULT);
    expect(g.do('write', fd, 2 ** 47, 10)).toBe(-E.EFAULT);
    expect(g.do('write', fd, BASE + 0x10_0000 - 4, 10)).toBe(4);
    g.do('lseek', fd, 0, 0);
    expect(g.do('read', fd, 16, 10)).toBe(-E.EFAULT);
    expect(g.do('read', fd, BASE + 0x10_0000 - 3, 10)).toBe(3);
    expect(g.do('lseek', fd, 0, SEEK_CUR)).toBe(3);
  });

  test('vectors gather and scatter; too many or absurd ones are EINVAL', () => {
    const g = new Guest();
    const fd = g.open('/f', O_CREAT | O_RDWR);
    g.bytes.set(bytesOf('abcdef'), 0);
    const iov = BASE + 0x1000;
    const set = (i: number, base: number, length: number): void => {
      g.view(iov).setBigUint64(i * 16, BigInt(base), true);
      g.view(iov).setBigUint64(i * 16 + 8, BigInt(length), true);
    };
    set(0, BASE + 3, 3);
    set(1, BASE, 0);
    set(2, BASE, 3);
    expect(g.do('writev', fd, iov, 3)).toBe(6);
    expect(g.do('preadv', fd, iov, 3, 1, 0)).toBe(5);
    expect(g.text(BASE, 6)).toBe('bccefa');
    expect(g.do('readv', fd, iov, 1025)).toBe(-E.EINVAL);
    expect(g.do('readv', fd, iov, 0)).toBe(0);
    set(0, BASE, -1);
    expect(g.do('writev', fd, iov, 1)).toBe(-E.EINVAL);
  });

  test('large transfers go through the host file', () => {
    const g = new Guest();
    const fd = g.open('/f', O_CREAT | O_RDWR);
    for (let i = 0; i < 0x6_0000; i++) g.bytes[i] = i * 7;
    for (let i = 0; i < 4; i++) expect(g.do('write', fd, BUF, 0x6_0000)).toBe(0x6_0000);
    expect(g.do('pread64', fd, OUT, 0x4_0000, 0x6_0000 * 3 + 5)).toBe(0x4_0000);
    expect(Buffer.compare(g.bytes.subarray(0x8_0000, 0xc_0000), g.bytes.subarray(5, 0x4_0005))).toBe(0);
    expect(g.do('close', fd)).toBe(0);
  });

  test('O_APPEND writes at the end wherever the position is', () => {
    const g = new Guest();
    const fd = g.open('/f', O_CREAT | O_RDWR | O_APPEND);
    g.write(fd, 'one');
    g.do('lseek', fd, 0, 0);
    g.write(fd, 'two');
    g.do('lseek', fd, 0, 0);
    expect(g.read(fd)).toBe('onetwo');
  });

  test('RLIMIT_FSIZE cuts a write, then sends SIGXFSZ and answers EFBIG', () => {
    const g = new Guest();
    g.limits.set(RLIMIT.FSIZE, { soft: 4n, hard: 4n });
    const fd = g.open('/f', O_CREAT | O_RDWR);
    expect(g.write(fd, 'abcdef')).toBe(4);
    expect(g.write(fd, 'x')).toBe(-E.EFBIG);
    expect(g.do('ftruncate', fd, 5)).toBe(-E.EFBIG);
    expect(g.do('ftruncate', fd, 2)).toBe(0);
  });

  test('sendfile and copy_file_range move positions by what was moved', () => {
    const g = new Guest();
    const from = g.open('/f', O_CREAT | O_RDWR);
    const to = g.open('/g', O_CREAT | O_RDWR);
    g.write(from, '0123456789');
    g.do('lseek', from, 2, 0);
    expect(g.do('sendfile', to, from, 0, 3)).toBe(3);
    g.view(OUT).setBigUint64(0, 8n, true);
    expect(g.do('sendfile', to, from, OUT, 100)).toBe(2);
    expect(g.view(OUT).getBigUint64(0, true)).toBe(10n);
    expect(g.do('copy_file_range', from, 0, to, 0, 2, 0)).toBe(2);
    expect(g.do('copy_file_range', from, 0, from, 0, 2, 0)).toBe(-E.EINVAL);
    g.do('lseek', to, 0, 0);
    expect(g.read(to)).toBe('2348956');
  });
});

describe('blocking', () => {
  function withPipe(): { g: Guest; reader: number; writer: number } {
    const g = new Guest();
    const { reader, writer } = newPipe(g.task.kernel, root, 0);
    const options = { closeOnExec: false, limit: 100 };
    const install = (file: FileDescription): number => Number(g.task.files.install(file, options));
    return { g, reader: install(reader), writer: install(writer) };
  }

  test('a read of an empty pipe waits for a writer, and restarts after a signal', () => {
    const { g, reader, writer } = withPipe();
    const waiting = g.start(calls, 'read', reader, OUT, 10);
    expect(finish(waiting, 'ready', () => g.write(writer, 'hi'))).toBe(2);
    expect(g.text(OUT, 2)).toBe('hi');
    expect(finish(g.start(calls, 'read', reader, OUT, 10), 'interrupted')).toBe(RESTART_IF_SA_RESTART);
    g.do('fcntl', reader, F_SETFL, O_NONBLOCK);
    expect(g.do('read', reader, OUT, 10)).toBe(-E.EAGAIN);
    g.do('close', writer);
    expect(g.do('read', reader, OUT, 10)).toBe(0);
  });

  test('a large write waits until all is taken; a signal leaves a partial count', () => {
    const { g, reader, writer } = withPipe();
    const waiting = g.start(calls, 'write', writer, BUF, 200_000);
    expect(finish(waiting, 'ready', () => g.do('read', reader, OUT, 0x1_0000))).toBe(200_000);
    while (g.do('fcntl', reader, F_SETFL, O_NONBLOCK) === 0 && g.do('read', reader, OUT, 0x1_0000) > 0);
    expect(finish(g.start(calls, 'write', writer, BUF, 200_000), 'interrupted')).toBe(65_536);
    g.do('close', reader);
    expect(g.do('write', writer, BUF, 1)).toBe(-E.EPIPE);
  });
});

describe('descriptors', () => {
  test('flags: F_GETFL shows the access mode and status, not what only open looks at', () => {
    const g = new Guest();
    const fd = g.open('/f', O_CREAT | O_RDWR | O_CLOEXEC | O_APPEND);
    expect(g.do('fcntl', fd, F_GETFL)).toBe(O_RDWR | O_APPEND | O_LARGEFILE);
    expect(g.do('fcntl', fd, F_GETFD)).toBe(1);
    expect(g.do('fcntl', fd, F_SETFL, O_NONBLOCK | O_CREAT)).toBe(0);
    expect(g.do('fcntl', fd, F_GETFL)).toBe(O_RDWR | O_NONBLOCK | O_LARGEFILE);
  });

  test('dup2, dup3, F_DUPFD_CLOEXEC and their errnos', () => {
    const g = new Guest();
    const fd = g.open('/f', O_CREAT | O_RDWR);
    expect(g.do('dup2', fd, 7)).toBe(7);
    expect(g.do('dup2', fd, fd)).toBe(fd);
    expect(g.do('dup2', 50, 50)).toBe(-E.EBADF);
    expect(g.do('dup2', fd, 1024)).toBe(-E.EBADF);
    expect(g.do('dup3', fd, fd, 0)).toBe(-E.EINVAL);
    expect(g.do('fcntl', fd, F_DUPFD_CLOEXEC, 7)).toBe(8);
    expect(g.do('fcntl', 8, F_GETFD)).toBe(1);
    expect(g.do('fcntl', fd, F_DUPFD_CLOEXEC, 1024)).toBe(-E.EINVAL);
    expect(g.do('close_range', 3, 2, 0)).toBe(-E.EINVAL);
    expect(g.do('close_range', 1, 0xffff_ffff, 0)).toBe(0);
    expect([g.do('close', 7), g.do('close', fd)]).toEqual([-E.EBADF, 0]);
  });

  test('EMFILE at RLIMIT_NOFILE', () => {
    const g = new Guest();
    g.limits.set(RLIMIT.NOFILE, { soft: 1n, hard: 1n });
    expect(g.open('/', 0)).toBe(0);
    expect(g.open('/', 0)).toBe(-E.EMFILE);
  });

  test('record locks conflict between processes, and any close drops them', () => {
    const g = new Guest();
    const fd = g.open('/f', O_CREAT | O_RDWR);
    const lock = (type: number, command: number, start: number, len: number): number => {
      g.memory.writeStruct(flock, BUF as never, { type, whence: 0, start, len, pid: 0 });
      return g.do('fcntl', fd, command, BUF);
    };
    const held = () => g.memory.readStruct(flock, BUF as never);
    expect(lock(F_WRLCK, F_SETLK, 10, 10)).toBe(0);
    const mine = g.task.files;
    g.task.files = mine.fork();
    expect(lock(F_RDLCK, F_SETLK, 15, 1)).toBe(-E.EAGAIN);
    expect(lock(F_RDLCK, F_SETLK, 20, 1)).toBe(0);
    expect(lock(F_WRLCK, F_GETLK, 0, 0)).toBe(0);
    expect(held()).toMatchObject({ type: F_WRLCK, start: 10, len: 10, pid: 10 });
    g.memory.writeStruct(flock, BUF as never, { type: F_WRLCK, whence: 0, start: 0, len: 0, pid: 0 });
    const waiting = g.start(calls, 'fcntl', fd, F_SETLKW, BUF);
    expect(finish(waiting, 'ready', () => mine.close(fd))).toBe(0);
  });

  test('flock is by description', () => {
    const g = new Guest();
    const a = g.open('/f', O_CREAT | O_RDWR);
    const b = g.open('/f', 0);
    expect(g.do('flock', a, LOCK_EX)).toBe(0);
    expect(g.do('flock', b, LOCK_SH | LOCK_NB)).toBe(-E.EAGAIN);
    expect(g.do('dup2', a, 9)).toBe(9);
    expect(g.do('close', a)).toBe(0);
    expect(g.do('flock', b, LOCK_SH | LOCK_NB)).toBe(-E.EAGAIN);
    expect(finish(g.start(calls, 'flock', b, LOCK_SH), 'ready', () => g.do('close', 9))).toBe(0);
    expect(g.do('flock', b, 0)).toBe(-E.EINVAL);
  });
});

describe('names and attributes', () => {
  test('stat, fstat and statx agree', () => {
    const g = new Guest();
    const fd = g.open('/f', O_CREAT | O_RDWR, 0o666);
    g.write(fd, 'abc');
    expect(g.do('stat', '/f', OUT)).toBe(0);
    const s = g.memory.readStruct(statStruct, OUT as never);
    expect(s).toMatchObject({ mode: 0o100644, nlink: 1, size: 3, blocks: 8 });
    expect(g.do('newfstatat', fd, '', OUT, AT_EMPTY_PATH)).toBe(0);
    expect(g.memory.readStruct(statStruct, OUT as never)).toEqual(s);
    expect(g.do('statx', AT_FDCWD, '/f', 0, 0xfff, OUT)).toBe(0);
    expect(g.memory.readStruct(statxStruct, OUT as never)).toMatchObject({
      ino: s.ino,
      size: 3,
      mode: 0o100644,
    });
    expect(g.do('newfstatat', AT_FDCWD, '', OUT, 0)).toBe(-E.ENOENT);
    expect(g.do('newfstatat', 99, 'f', OUT, 0)).toBe(-E.EBADF);
    expect(g.do('newfstatat', 99, '/f', OUT, 0)).toBe(0);
    expect(g.do('newfstatat', fd, 'x', OUT, 0)).toBe(-E.ENOTDIR);
  });

  test('getdents64 lays records out, and EINVAL when not one fits', () => {
    const g = new Guest();
    g.open('/file', O_CREAT);
    const fd = g.open('/', O_DIRECTORY);
    expect(g.do('getdents64', fd, OUT, 23)).toBe(-E.EINVAL);
    expect(g.do('getdents64', fd, OUT, 24)).toBe(24);
    expect(g.do('getdents64', fd, OUT, 4096)).toBe(24 + 24);
    const second = g.view(OUT + 24);
    expect([second.getUint16(16, true), second.getUint8(18), g.text(OUT + 24 + 19, 5)]).toEqual([
      24,
      8,
      'file\0',
    ]);
    expect(g.do('getdents64', fd, OUT, 4096)).toBe(0);
    expect(g.do('lseek', fd, 0, 0)).toBe(0);
    expect(g.do('getdents64', fd, OUT, 4096)).toBe(72);
  });

  test('getcwd follows a rename, and ENOENT after removal', () => {
    const g = new Guest();
    g.do('mkdir', '/a', 0o755);
    g.do('mkdir', '/a/b', 0o755);
    expect(g.do('chdir', '/a/b')).toBe(0);
    g.do('rename', '/a', '/c');
    expect(g.do('getcwd', OUT, 100)).toBe(5);
    expect(g.text(OUT, 5)).toBe('/c/b\0');
    expect(g.do('getcwd', OUT, 4)).toBe(-E.ERANGE);
    expect(g.do('rmdir', '../b')).toBe(0);
    expect(g.do('getcwd', OUT, 100)).toBe(-E.ENOENT);
  });

  test('readlink cuts, and EINVAL for what is no link', () => {
    const g = new Guest();
    g.do('symlink', 'target', '/l');
    expect(g.do('readlink', '/l', OUT, 3)).toBe(3);
    expect(g.text(OUT, 3)).toBe('tar');
    expect([g.do('readlink', '/l', OUT, 0), g.do('readlink', '/', OUT, 9)]).toEqual([-E.EINVAL, -E.EINVAL]);
    const fd = g.open('/l', O_PATH | 0o400000);
    expect(g.do('readlinkat', fd, '', OUT, 99)).toBe(6);
  });

  test('access asks as the real user', () => {
    const g = new Guest({ creds: { ...user, fsuid: 0, euid: 0, effective: ~0n } });
    const rootTask = new Guest();
    rootTask.do('mkdir', '/x', 0o700);
    g.task.fs.root = rootTask.task.fs.root;
    g.task.fs.cwd = rootTask.task.fs.root;
    expect(g.do('access', '/x', 4)).toBe(-E.EACCES);
    expect(g.do('faccessat2', AT_FDCWD, '/x', 4, 0x200)).toBe(0);
    expect(g.do('access', '/', 0)).toBe(0);
    expect(g.do('access', '/', 8)).toBe(-E.EINVAL);
  });

  test('extended attributes of the user', () => {
    const g = new Guest();
    const fd = g.open('/f', O_CREAT | O_RDWR);
    g.bytes.set(bytesOf('value'), 0);
    expect(g.do('setxattr', '/f', 'user.k', BUF, 5, 0)).toBe(0);
    expect(g.do('fsetxattr', fd, 'user.k', BUF, 5, 1)).toBe(-E.EEXIST);
    expect(g.do('getxattr', '/f', 'user.k', OUT, 0)).toBe(5);
    expect(g.do('getxattr', '/f', 'user.k', OUT, 4)).toBe(-E.ERANGE);
    expect(g.do('fgetxattr', fd, 'user.k', OUT, 9)).toBe(5);
    expect(g.do('listxattr', '/f', OUT, 100)).toBe(7);
    expect(g.do('getxattr', '/f', 'user.none', OUT, 9)).toBe(-E.ENODATA);
    expect(g.do('getxattr', '/f', 'nonsense', OUT, 9)).toBe(-E.EOPNOTSUPP);
    expect(g.do('removexattr', '/f', 'user.k')).toBe(0);
    expect(g.do('flistxattr', fd, OUT, 100)).toBe(0);
  });
});
