import { describe, expect, test } from '@jest/globals';
import { SECBIT_KEEP_CAPS } from '../../../../src/abi/capability.js';
import { E } from '../../../../src/abi/errno.js';
import {
  NO_CHANGE,
  setFsUid,
  setGid,
  setResUid,
  setReUid,
  setUid,
} from '../../../../src/kernel/auth/change-ids.js';
import { ALL_CAPABILITIES, CAP, credentialsOf, has } from '../../../../src/kernel/auth/credentials.js';
import { fail, must } from '../../../../src/kernel/outcome.js';

const root = credentialsOf(0, 0);
const user = credentialsOf(1000, 1000);
const setuidProgram = { ...user, euid: 0, suid: 0, fsuid: 0 };

describe('setuid', () => {
  test('root becomes a user in all four ids and loses every capability', () => {
    const now = must(setUid(root, 1000));
    expect(now).toMatchObject({ uid: 1000, euid: 1000, suid: 1000, fsuid: 1000 });
    expect([now.permitted, now.effective]).toEqual([0n, 0n]);
  });

  test('a user may become itself, or its saved id, and nobody else', () => {
    expect(must(setUid(user, 1000))).toMatchObject({ euid: 1000 });
    expect(must(setUid({ ...user, suid: 5 }, 5))).toMatchObject({ uid: 1000, euid: 5, fsuid: 5 });
    expect(setUid(user, 0)).toBe(fail(E.EPERM));
    expect(setUid(root, NO_CHANGE)).toBe(fail(E.EINVAL));
  });

  test('SECBIT_KEEP_CAPS keeps what is permitted, not what is effective', () => {
    const now = must(setUid({ ...root, securebits: SECBIT_KEEP_CAPS }, 1000));
    expect([now.permitted, now.effective]).toEqual([ALL_CAPABILITIES, 0n]);
  });
});

describe('setreuid and setresuid', () => {
  test('a setuid program swaps its ids and the saved one follows', () => {
    const now = must(setReUid(setuidProgram, 0, 1000));
    expect(now).toMatchObject({ uid: 0, euid: 1000, suid: 1000, fsuid: 1000 });
  });

  test('-1 leaves an id as it is', () => {
    expect(must(setResUid(root, NO_CHANGE, 7, NO_CHANGE))).toMatchObject({
      uid: 0,
      euid: 7,
      suid: 0,
      fsuid: 7,
    });
    expect(must(setReUid(user, NO_CHANGE, NO_CHANGE))).toEqual(user);
  });

  test('effective capabilities go with effective root and come back with it', () => {
    const dropped = must(setResUid(root, NO_CHANGE, 1000, NO_CHANGE));
    expect(has(dropped, CAP.CHOWN)).toBe(false);
    const again = must(setResUid(dropped, NO_CHANGE, 0, NO_CHANGE));
    expect(has(again, CAP.CHOWN)).toBe(true);
  });

  test('a user may only take ids that it has: EPERM', () => {
    expect(setResUid(user, 0, NO_CHANGE, NO_CHANGE)).toBe(fail(E.EPERM));
    expect(setReUid(user, NO_CHANGE, 5)).toBe(fail(E.EPERM));
  });
});

describe('others', () => {
  test('setgid changes no capability', () => {
    const now = must(setGid(root, 5));
    expect(now).toMatchObject({ gid: 5, egid: 5, sgid: 5, fsgid: 5, effective: ALL_CAPABILITIES });
    expect(setGid(user, 5)).toBe(fail(E.EPERM));
  });

  test('setfsuid takes away what concerns files, and refuses in silence', () => {
    const now = setFsUid(root, 1000);
    expect(has(now, CAP.DAC_OVERRIDE)).toBe(false);
    expect(has(now, CAP.KILL)).toBe(true);
    expect(setFsUid(user, 0)).toBe(user);
  });
});
