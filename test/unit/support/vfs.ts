/** A mount namespace over one tmpfs, and a walker in it: what tests of the VFS start from. */
import type { Credentials } from '../../../src/kernel/auth/credentials.js';
import { credentialsOf } from '../../../src/kernel/auth/credentials.js';
import { MountNamespace } from '../../../src/kernel/fs/mounts.js';
import { newTmpfs, type Tmpfs, type TmpfsOptions } from '../../../src/kernel/fs/tmpfs/tmpfs.js';
import type { WalkContext } from '../../../src/kernel/fs/walk.js';
import { hostFiles } from './file-system.js';

export const root = credentialsOf(0, 0);
export const user = credentialsOf(1000, 1000);

export function testTmpfs(options: Partial<TmpfsOptions> = {}): Tmpfs {
  let sec = 1000;
  return newTmpfs({
    clock: { realtime: () => ({ sec: sec++, nsec: 0 }) },
    hostFiles,
    mode: 0o755,
    ...options,
  });
}

export function testContext(creds: Credentials = root, fs: Tmpfs = testTmpfs()): WalkContext {
  const mounts = new MountNamespace(fs);
  return { creds, root: mounts.root, cwd: mounts.root, mounts, umask: 0o022 };
}
