/** K17: what was written to files is written back before a kernel is saved; a failure names the file. */
import { expect, test } from '@jest/globals';
import { E, type Errno } from '../../../../src/abi/errno.js';
import { S_IFIFO, S_IFREG } from '../../../../src/abi/mode.js';
import { O_RDONLY, O_RDWR } from '../../../../src/abi/open.js';
import type { FileDescription } from '../../../../src/kernel/fs/file-description.js';
import type { MountNamespace } from '../../../../src/kernel/fs/mounts.js';
import { fail } from '../../../../src/kernel/outcome.js';
import { CannotSave } from '../../../../src/kernel/save/graph.js';
import { writeBack } from '../../../../src/kernel/save/write-back.js';
import type { TaskSet } from '../../../../src/kernel/task/task-set.js';

const root = { mount: {}, dentry: { name: '', parent: undefined } };

/** A file with this name in the root, whose fsync answers so. */
function file(name: string, errno: Errno | 0, { flags = O_RDWR, type = S_IFREG } = {}) {
  const made = {
    synced: 0,
    flags,
    inode: { mode: type | 0o644 },
    path: { mount: root.mount, dentry: { name, parent: root.dentry } },
    fsync() {
      made.synced++;
      return errno === 0 ? undefined : fail(errno);
    },
  };
  return made;
}

function save(...open: ReturnType<typeof file>[]): number {
  let synced = 0;
  const files = { entries: () => open.map((f, fd) => [fd, f as unknown as FileDescription]) };
  const tasks = { all: () => [{ state: { name: 'stopped' }, files }] } as unknown as TaskSet;
  writeBack(tasks, { root, sync: () => synced++ } as unknown as MountNamespace);
  return synced;
}

test('every open writable file is written back once, and file systems are', () => {
  const shared = file('shared', 0);
  const read = file('read', E.EIO, { flags: O_RDONLY });
  const fifo = file('fifo', E.EIO, { type: S_IFIFO });
  expect(save(shared, read, shared, fifo)).toBe(1);
  expect([shared.synced, read.synced, fifo.synced]).toEqual([1, 0, 0]);
});

test('one that cannot be stops the save, and is named', () => {
  const failing = () => save(file('good', 0), file('log', E.ENOSPC));
  expect(failing).toThrow(CannotSave);
  expect(failing).toThrow('/log cannot be written back (ENOSPC)');
});

test('one of a kind that has nothing to write back does not', () => {
  expect(save(file('device', E.EINVAL))).toBe(1);
});
