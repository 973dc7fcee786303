import { describe, expect, test } from '@jest/globals';
import { MS_NOSUID } from '../../../../src/abi/mount.js';
import { ALL_CAPABILITIES, CAP, credentialsOf } from '../../../../src/kernel/auth/credentials.js';
import { credentialsAtExec } from '../../../../src/kernel/auth/exec-credentials.js';
import type { VfsPath } from '../../../../src/kernel/fs/path.js';

const SAFE = { unsafe: false };
const NET_RAW = 1n << BigInt(CAP.NET_RAW);

function program(mode: number, owner: { uid: number; gid: number } = { uid: 0, gid: 0 }, flags = 0): VfsPath {
  const inode = { mode: 0o100000 | mode, attributes: () => ({ mode: 0o100000 | mode, ...owner }) };
  return { dentry: { inode }, mount: { flags } } as unknown as VfsPath;
}

const user = credentialsOf(1000, 1000);
const root = credentialsOf(0, 0);

describe('credentials at execve', () => {
  test('a plain program changes nothing', () => {
    const { creds, secure } = credentialsAtExec(user, program(0o755), SAFE);
    expect(creds).toEqual(user);
    expect(secure).toBe(false);
    expect(credentialsAtExec(root, program(0o755), SAFE).creds.effective).toBe(ALL_CAPABILITIES);
  });

  test('set-user-ID root gives root, every capability, and AT_SECURE', () => {
    const { creds, secure } = credentialsAtExec(user, program(0o4755), SAFE);
    expect(creds).toMatchObject({ uid: 1000, euid: 0, suid: 0, fsuid: 0, egid: 1000 });
    expect(creds.effective).toBe(ALL_CAPABILITIES);
    expect(secure).toBe(true);
  });

  test('set-group-ID counts only where the group may execute', () => {
    const owner = { uid: 5, gid: 7 };
    expect(credentialsAtExec(user, program(0o2755, owner), SAFE).creds.egid).toBe(7);
    expect(credentialsAtExec(user, program(0o2745, owner), SAFE).creds.egid).toBe(1000);
  });

  test('neither counts with nosuid, no_new_privs, or a tracer', () => {
    expect(credentialsAtExec(user, program(0o4755, undefined, MS_NOSUID), SAFE).creds.euid).toBe(1000);
    const held = { ...user, noNewPrivs: true };
    expect(credentialsAtExec(held, program(0o4755), SAFE).creds.euid).toBe(1000);
    const traced = credentialsAtExec(user, program(0o4755), { unsafe: true });
    expect(traced.creds).toMatchObject({ euid: 1000, permitted: 0n, effective: 0n });
    expect(traced.secure).toBe(false);
  });

  test('capabilities of a user end, ambient ones stay', () => {
    const capable = { ...user, permitted: NET_RAW, effective: NET_RAW, inheritable: NET_RAW };
    expect(credentialsAtExec(capable, program(0o755), SAFE).creds).toMatchObject({
      permitted: 0n,
      effective: 0n,
      inheritable: NET_RAW,
    });
    const ambient = { ...capable, ambient: NET_RAW };
    expect(credentialsAtExec(ambient, program(0o755), SAFE).creds).toMatchObject({
      permitted: NET_RAW,
      effective: NET_RAW,
    });
  });

  test('root is bounded by its bounding set', () => {
    const bounded = { ...root, bounding: NET_RAW };
    expect(credentialsAtExec(bounded, program(0o755), SAFE).creds.permitted).toBe(NET_RAW);
  });

  test('root that gave up its user still has what its real id brings, but not in effect', () => {
    const { creds } = credentialsAtExec({ ...root, euid: 1000 }, program(0o755), SAFE);
    expect(creds.permitted).toBe(ALL_CAPABILITIES);
    expect(creds.effective).toBe(0n);
  });
});
