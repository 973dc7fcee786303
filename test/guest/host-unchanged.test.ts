/** Whatever a guest removes or writes, the host's files stay as they were. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { sayAbsent } from './support/compiler.js';
import { troupe, which } from './support/run.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('host-unchanged');
const busybox = which('busybox');
if (!busybox) sayAbsent('busybox');
const when = busybox ? test : test.skip;

/** Names, kinds, modes, owners, sizes, times of change and contents of a tree, as one digest. */
function listing(path: string): string {
  const hash = createHash('sha256');
  const visit = (at: string): void => {
    const stat = lstatSync(at);
    hash.update(`${at} ${stat.mode} ${stat.uid} ${stat.gid} ${stat.nlink} ${stat.mtimeMs} ${stat.ctimeMs}\n`);
    if (stat.isSymbolicLink()) hash.update(readlinkSync(at));
    if (stat.isFile()) hash.update(contents(at));
    if (stat.isDirectory()) for (const name of names(at)) visit(join(at, name));
  };
  visit(path);
  return hash.digest('hex');
}

function contents(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.from('unreadable');
  }
}

function names(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch {
    return [];
  }
}

function tree(name: string): string {
  const root = join(folder, name);
  mkdirSync(join(root, 'a', 'b'), { recursive: true });
  writeFileSync(join(root, 'a', 'file'), 'content\n');
  writeFileSync(join(root, 'a', 'b', 'program'), '#!/bin/sh\n');
  chmodSync(join(root, 'a', 'b', 'program'), 0o755);
  symlinkSync('a/file', join(root, 'link'));
  return root;
}

when('rm -rf of the host tree removes nothing', async () => {
  const root = tree('removed');
  const before = [listing('/etc'), listing(root)];
  const result = await troupe([], ['busybox', 'rm', '-rf', '/etc', '/home', root], { timeoutMs: 60_000 });
  expect(result).toMatchObject({ timedOut: false, leftovers: [] });
  expect([listing('/etc'), listing(root)]).toEqual(before);
});

test('a shell that removes /usr, /etc and /home, and writes to /root, changes nothing', async () => {
  const before = [listing('/etc'), listing('/home'), names('/usr/bin'), names('/usr/lib'), names('/root')];
  const line = 'rm -rf /usr /etc /home; echo x > /root/y; echo /usr/* /etc/* /home/* /root/y';
  const result = await troupe([], ['sh', '-c', line], { timeoutMs: 400_000 });
  expect(result).toMatchObject({ status: 0, timedOut: false, leftovers: [] });
  if (process.getuid?.() === 0) expect(result.stdout.toString()).toBe('/usr/* /etc/* /home/* /root/y\n');
  const after = [listing('/etc'), listing('/home'), names('/usr/bin'), names('/usr/lib'), names('/root')];
  expect(after).toEqual(before);
}, 420_000);

when('what a guest writes over host files stays in the sandbox', async () => {
  const root = tree('written');
  const before = listing(root);
  const target = join(root, 'a', 'file');
  const commands: [string, ...string[]][] = [
    ['busybox', 'dd', 'if=/dev/zero', `of=${target}`, 'bs=1000', 'count=10'],
    ['busybox', 'cp', '/etc/passwd', target],
    ['busybox', 'chmod', '-R', '0777', root],
    ['busybox', 'touch', '-d', '2001-01-01', target, join(root, 'new')],
    ['busybox', 'mv', join(root, 'a'), join(root, 'z')],
    ['busybox', 'ln', '-f', target, join(root, 'hard')],
    ['busybox', 'ln', '-sf', '/nowhere', join(root, 'link')],
    ['busybox', 'mkdir', '-p', join(root, 'x', 'y')],
    ['busybox', 'truncate', '-s', '0', target],
    ['busybox', 'rmdir', join(root, 'a', 'b')],
  ];
  for (const command of commands) {
    const result = await troupe([], command);
    expect(result).toMatchObject({ timedOut: false, leftovers: [] });
    expect([command[1], result.status]).toEqual([command[1], command[1] === 'rmdir' ? 1 : 0]);
    expect([command[1], listing(root)]).toEqual([command[1], before]);
  }
});

when('a read-only bind refuses writes', async () => {
  const root = tree('bound');
  const before = listing(root);
  const result = await troupe(['--bind', `${root}:/data:ro`], ['busybox', 'touch', '/data/new']);
  expect(result.status).toBe(1);
  expect(result.stderr).toContain('Read-only file system');
  expect(listing(root)).toBe(before);
});

when('a read-write bind is what the user asked for: writes reach the host', async () => {
  const root = tree('shared');
  const result = await troupe(
    ['--bind', `${root}:/data:rw`],
    ['busybox', 'cp', '/etc/hostname', '/data/new'],
  );
  expect(result).toMatchObject({ status: 0, leftovers: [] });
  expect(readFileSync(join(root, 'new'))).toEqual(readFileSync('/etc/hostname'));
});

when('a file can be bound by itself, where there was none', async () => {
  const root = tree('single');
  const binds = ['--bind', `${root}/a/file:/new/place`, '--bind', `${root}/a/b/program:/etc/passwd:rw`];
  const shown = await troupe(binds, ['busybox', 'cat', '/new/place', '/etc/passwd']);
  expect(shown).toMatchObject({ status: 0, leftovers: [] });
  expect(shown.stdout.toString()).toBe('content\n#!/bin/sh\n');
  const refused = await troupe(binds, ['busybox', 'cp', '/etc/hostname', '/new/place']);
  expect(refused.status).toBe(1);
  expect(readFileSync(join(root, 'a', 'file'), 'utf8')).toBe('content\n');
  const written = await troupe(binds, ['busybox', 'cp', '/etc/hostname', '/etc/passwd']);
  expect(written).toMatchObject({ status: 0, leftovers: [] });
  expect(readFileSync(join(root, 'a', 'b', 'program'))).toEqual(readFileSync('/etc/hostname'));
});

when('no path leads out of a bind', async () => {
  const root = tree('confined');
  symlinkSync('../../../../../../etc/passwd', join(root, 'escape'));
  symlinkSync('/etc', join(root, 'etc'));
  symlinkSync('/usr/bin/true', join(root, 'program'));
  // The guest follows links in its own tree, where /etc leads to itself and /usr is not there.
  expect(await troupe(['--rootfs', root], ['/escape'])).toMatchObject({ status: 126, leftovers: [] });
  expect(await troupe(['--rootfs', root], ['/program'])).toMatchObject({ status: 127, leftovers: [] });
});
