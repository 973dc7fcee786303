import { beforeAll, describe, expect, test } from '@jest/globals';
import { E } from '../../../../../src/abi/errno.js';
import { O_DIRECTORY, O_RDONLY, O_RDWR, O_WRONLY } from '../../../../../src/abi/open.js';
import type { UserAddr } from '../../../../../src/base/brand.js';
import { credentialsOf } from '../../../../../src/kernel/auth/credentials.js';
import { FsContext } from '../../../../../src/kernel/fs/fs-context.js';
import { MountNamespace } from '../../../../../src/kernel/fs/mounts.js';
import { newProcFs } from '../../../../../src/kernel/fs/proc/proc-fs.js';
import { newSysFs } from '../../../../../src/kernel/fs/sys/sys-fs.js';
import { newTmpfs } from '../../../../../src/kernel/fs/tmpfs/tmpfs.js';
import { openFile } from '../../../../../src/kernel/fs/vfs.js';
import { type WalkContext, walk } from '../../../../../src/kernel/fs/walk.js';
import type { Task } from '../../../../../src/kernel/task/task.js';
import { DATA, FakeKernel } from '../../../../support/fake-kernel.js';
import { errnoOf, namesOf, ok, read, write } from '../../../support/file-system.js';

const kernel = new FakeKernel();
const { services, tasks } = kernel;
let task: Task;
let other: Task;
let ctx: WalkContext;

const open = (path: string, flags = O_RDONLY) => openFile(ctx, path, flags, 0);

function cat(path: string): string {
  const file = ok(open(path));
  const text = read(file);
  file.release();
  return text;
}

function readlink(path: string): string {
  const place = ok(walk(ctx, path, { followLast: false }));
  return ok(place.dentry.inode.readlink());
}

beforeAll(() => {
  const guest = function* () {};
  task = kernel.spawn(guest as never, { creds: credentialsOf(0, 0) });
  other = kernel.spawn(guest as never);
  const root = newTmpfs({ clock: services.clock, hostFiles: services.hostFiles, mode: 0o755 });
  const owner = { uid: 0, gid: 0, mode: 0o040755 };
  ok(root.root.mkdir('proc', owner));
  ok(root.root.mkdir('sys', owner));
  ok(root.root.create('a file', { uid: 0, gid: 0, mode: 0o100644 }));
  const mounts = new MountNamespace(root, { source: 'tm pfs' });
  const place = mounts.root;
  ctx = { creds: task.creds, root: place, cwd: place, umask: 0o022, mounts };
  mounts.mount(newProcFs(services), ok(walk(ctx, '/proc', { followLast: true })), { source: 'proc' });
  mounts.mount(newSysFs(services), ok(walk(ctx, '/sys', { followLast: true })), { flags: 1 });
  task.fs = FsContext.at(mounts);
  other.fs = FsContext.at(mounts);
  task.comm = 'gu(es)t x';
  task.files.install(ok(open('/a file', O_RDWR)), { closeOnExec: true, limit: 100 });
  const { memory } = task;
  memory.write(DATA as UserAddr, Buffer.from('prog\0-x\0A=1\0'));
  Object.assign(task.mm.image, { argStart: DATA, argEnd: DATA + 8, envStart: DATA + 8, envEnd: DATA + 12 });
  tasks.current = task;
});

describe('/proc/self', () => {
  test('is whoever asks', () => {
    expect(readlink('/proc/self')).toBe(String(task.group.pid));
    expect(readlink('/proc/thread-self')).toBe(`${task.group.pid}/task/${task.tid}`);
    expect(readlink('/proc/mounts')).toBe('self/mounts');
  });

  test('status', () => {
    const text = cat('/proc/self/status');
    const value = (name: string): string | undefined => new RegExp(`^${name}:\t(.*)$`, 'm').exec(text)?.[1];
    expect(value('Name')).toBe('gu(es)t x');
    expect(value('Umask')).toBe('0022');
    expect(value('State')).toBe('R (running)');
    expect(value('Uid')).toBe('0\t0\t0\t0');
    expect(value('FDSize')).toBe('64');
    expect(value('VmSize')).toMatch(/^ {4}1024 kB$/);
    expect(value('CapEff')).toBe('000001ffffffffff');
    expect(value('SigCgt')).toBe('0000000000000000');
    expect(value('Cpus_allowed_list')).toBe('0-1');
  });

  test('stat has 52 fields, the name in parentheses', () => {
    const text = cat('/proc/self/stat');
    expect(text.startsWith(`${task.tid} (gu(es)t x) R 0 `)).toBe(true);
    expect(
      text
        .slice(text.lastIndexOf(')') + 2)
        .trimEnd()
        .split(' '),
    ).toHaveLength(50);
  });

  test('maps has the columns of Linux', () => {
    const [line] = cat('/proc/self/maps').split('\n');
    expect(line).toBe('00100000-00200000 rw-p 00000000 00:00 0 ');
  });

  test('cmdline and environ are the memory of the process', () => {
    expect(cat('/proc/self/cmdline')).toBe('prog\0-x\0');
    expect(cat('/proc/self/environ')).toBe('A=1\0');
    // setproctitle(3): the program wrote over its arguments and beyond.
    task.memory.write(DATA as UserAddr, Buffer.from('new title\0'));
    expect(cat('/proc/self/cmdline')).toBe('new title\0');
  });

  test('limits', () => {
    const lines = cat('/proc/self/limits').split('\n');
    expect(lines[4]).toBe('Max stack size            8388608              unlimited            bytes     ');
    expect(lines[14]).toBe('Max nice priority         0                    0                    ');
  });

  test('fd leads to the file, fdinfo tells of it', () => {
    expect(readlink('/proc/self/fd/0')).toBe('/a file');
    expect(namesOf(ok(walk(ctx, '/proc/self/fd', { followLast: true })).dentry.inode)).toEqual(['0']);
    expect(cat('/proc/self/fdinfo/0')).toMatch(/^pos:\t0\nflags:\t02100002\nmnt_id:\t\d+\nino:\t\d+\n$/);
    const again = ok(open('/proc/self/fd/0', O_WRONLY));
    expect(write(again, 'hello')).toBe(5);
    expect(cat('/a file')).toBe('hello');
    again.release();
    expect(errnoOf(open('/proc/self/fd/1'))).toBe(E.ENOENT);
    expect(errnoOf(open('/proc/self/fd/00'))).toBe(E.ENOENT);
  });

  test('mounts and mountinfo', () => {
    expect(cat('/proc/self/mounts')).toBe(
      'tm\\040pfs / tmpfs rw,relatime 0 0\nproc /proc proc rw,relatime 0 0\nsysfs /sys sysfs ro 0 0\n',
    );
    const [, second] = cat('/proc/self/mountinfo').split('\n');
    expect(second).toMatch(/^\d+ \d+ 0:\d+ \/ \/proc rw,relatime - proc proc rw$/);
  });

  test('comm can be written by the process itself only', () => {
    const file = ok(open('/proc/self/comm', O_WRONLY));
    expect(write(file, 'a name that is too long\n')).toBe(24);
    file.release();
    expect(task.comm).toBe('a name that is ');
    const foreign = ok(open(`/proc/${other.group.pid}/comm`, O_WRONLY));
    expect(() => write(foreign, 'x')).toThrow(String(E.EINVAL));
    foreign.release();
  });

  test('magic links to places', () => {
    expect(readlink('/proc/self/cwd')).toBe('/');
    expect(errnoOf(ok(walk(ctx, '/proc/self/exe', { followLast: false })).dentry.inode.readlink())).toBe(
      E.ENOENT,
    );
    expect(namesOf(ok(walk(ctx, '/proc/self/root', { followLast: true })).dentry.inode)).toContain('proc');
  });
});

describe('/proc', () => {
  test('lists facts and processes', () => {
    const file = ok(open('/proc', O_DIRECTORY));
    const pids = namesOf(file.inode).filter((name) => /^\d+$/.test(name));
    expect(pids).toEqual([String(task.group.pid), String(other.group.pid)]);
    file.release();
    expect(namesOf(ok(walk(ctx, '/proc/self/task', { followLast: true })).dentry.inode)).toEqual([
      String(task.tid),
    ]);
    expect(errnoOf(open('/proc/99999'))).toBe(E.ENOENT);
    expect(errnoOf(open('/proc/none'))).toBe(E.ENOENT);
  });

  test('every file can be read, and partial reads come to the same', () => {
    const visit = (path: string): void => {
      const place = ok(walk(ctx, path, { followLast: false }));
      const { inode } = place.dentry;
      const type = inode.mode & 0o170000;
      if (type === 0o040000) for (const name of namesOf(inode)) visit(`${path}/${name}`);
      if (type !== 0o100000 || /\/(uuid|mem)$/.test(path)) return;
      const file = ok(open(path));
      let text = '';
      for (let piece = read(file, 7); piece !== ''; piece = read(file, 7)) text += piece;
      file.release();
      expect(text).toBe(cat(path));
      expect(inode.attributes().size).toBe(path.startsWith('/sys') ? 4096 : 0);
    };
    visit('/proc');
    visit('/sys');
  });

  test('a process of somebody else keeps its secrets', () => {
    tasks.current = other;
    const place = ok(walk(ctx, `/proc/${task.group.pid}/maps`, { followLast: true }));
    const file = ok(place.dentry.inode.open(O_RDONLY, place));
    expect(() => read(file)).toThrow(String(E.EACCES));
    file.release();
    tasks.current = task;
  });

  test('a file that is kept open is made anew by reading from the start', () => {
    const file = ok(open('/proc/uptime'));
    const before = read(file);
    kernel.nowNs += 5e9;
    expect(read(file)).toBe('');
    file.seek(0, 0);
    expect(Number.parseFloat(read(file))).toBeCloseTo(Number.parseFloat(before) + 5);
    file.release();
  });

  test('kernel parameters', () => {
    expect(cat('/proc/sys/kernel/ostype')).toBe('Linux\n');
    expect(cat('/proc/sys/kernel/cap_last_cap')).toBe('40\n');
    expect(cat('/proc/sys/kernel/random/uuid')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8/);
    const file = ok(open('/proc/sys/kernel/hostname', O_WRONLY));
    write(file, 'new-name\n');
    file.release();
    expect(services.uts.nodename).toBe('new-name');
  });

  test('meminfo and stat', () => {
    expect(cat('/proc/meminfo').split('\n')[0]).toBe('MemTotal:        1048576 kB');
    expect(cat('/proc/stat')).toMatch(/^cpu {2}\d+ 0 \d+ \d+ 0 0 0 0 0 0\ncpu0 .*\ncpu1 .*\nintr 0\n/);
  });

  test('sysfs tells the number of processors', () => {
    expect(cat('/sys/devices/system/cpu/online')).toBe('0-1\n');
    expect(cat('/sys/devices/system/cpu/cpu1/topology/thread_siblings')).toBe('2\n');
    expect(cat('/sys/kernel/mm/transparent_hugepage/hpage_pmd_size')).toBe('2097152\n');
  });
});
