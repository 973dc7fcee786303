/** getuid(2), setuid(2), setresuid(2), setfsuid(2), getgroups(2) and their twins. */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import {
  setFsGid,
  setFsUid,
  setGid,
  setReGid,
  setResGid,
  setResUid,
  setReUid,
  setUid,
} from '../auth/change-ids.js';
import { CAP, type Credentials, has } from '../auth/credentials.js';
import { Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, id, int, intOut } from './codecs.js';
import { arg, syscall } from './declare.js';

const NGROUPS_MAX = 65536;
const INVALID_ID = 0xffff_ffff;
const creds = { classes: ['creds'] } as const;

export const credentialsCalls = [
  syscall(NR.getuid, 'getuid', [], creds, (task) => task.creds.uid),
  syscall(NR.getgid, 'getgid', [], creds, (task) => task.creds.gid),
  syscall(NR.geteuid, 'geteuid', [], creds, (task) => task.creds.euid),
  syscall(NR.getegid, 'getegid', [], creds, (task) => task.creds.egid),
  syscall(
    NR.getresuid,
    'getresuid',
    [arg('ruid', intOut), arg('euid', intOut), arg('suid', intOut)],
    creds,
    (task, ...at) => writeIds(task, at, [task.creds.uid, task.creds.euid, task.creds.suid]),
  ),
  syscall(
    NR.getresgid,
    'getresgid',
    [arg('rgid', intOut), arg('egid', intOut), arg('sgid', intOut)],
    creds,
    (task, ...at) => writeIds(task, at, [task.creds.gid, task.creds.egid, task.creds.sgid]),
  ),
  syscall(NR.setuid, 'setuid', [arg('uid', id)], creds, (task, uid) => commit(task, setUid(task.creds, uid))),
  syscall(NR.setgid, 'setgid', [arg('gid', id)], creds, (task, gid) => commit(task, setGid(task.creds, gid))),
  syscall(NR.setreuid, 'setreuid', [arg('ruid', id), arg('euid', id)], creds, (task, ruid, euid) =>
    commit(task, setReUid(task.creds, ruid, euid)),
  ),
  syscall(NR.setregid, 'setregid', [arg('rgid', id), arg('egid', id)], creds, (task, rgid, egid) =>
    commit(task, setReGid(task.creds, rgid, egid)),
  ),
  syscall(
    NR.setresuid,
    'setresuid',
    [arg('ruid', id), arg('euid', id), arg('suid', id)],
    creds,
    (task, ruid, euid, suid) => commit(task, setResUid(task.creds, ruid, euid, suid)),
  ),
  syscall(
    NR.setresgid,
    'setresgid',
    [arg('rgid', id), arg('egid', id), arg('sgid', id)],
    creds,
    (task, rgid, egid, sgid) => commit(task, setResGid(task.creds, rgid, egid, sgid)),
  ),
  syscall(NR.setfsuid, 'setfsuid', [arg('fsuid', id)], creds, (task, fsuid) => {
    const before = task.creds.fsuid;
    commit(task, setFsUid(task.creds, fsuid));
    return before;
  }),
  syscall(NR.setfsgid, 'setfsgid', [arg('fsgid', id)], creds, (task, fsgid) => {
    const before = task.creds.fsgid;
    commit(task, setFsGid(task.creds, fsgid));
    return before;
  }),
  syscall(NR.getgroups, 'getgroups', [arg('size', int), arg('list', addr)], creds, getGroups),
  syscall(NR.setgroups, 'setgroups', [arg('size', int), arg('list', addr)], creds, setGroups),
];

function writeIds(task: Task, at: readonly UserAddr[], ids: readonly number[]): number {
  for (const [i, target] of at.entries()) task.memory.writeU32(target, ids[i] ?? 0);
  return 0;
}

/** commit_creds: who changes identity loses the signal at its parent's death and the right to dump. */
export function commit(task: Task, next: Credentials | Failure): Result {
  if (next instanceof Failure) return next;
  const old = task.creds;
  task.creds = next;
  const changed =
    old.euid !== next.euid || old.egid !== next.egid || old.fsuid !== next.fsuid || old.fsgid !== next.fsgid;
  if (changed || (next.permitted & ~old.permitted) !== 0n) {
    task.group.dumpable = 0;
    task.parentDeathSignal = 0;
  }
  return 0;
}

function getGroups(task: Task, size: number, at: UserAddr): Result {
  const { groups } = task.creds;
  if (size < 0) return fail(E.EINVAL);
  if (size === 0) return groups.length;
  if (groups.length > size) return fail(E.EINVAL);
  task.memory.write(at, new Uint8Array(Uint32Array.from(groups).buffer));
  return groups.length;
}

function setGroups(task: Task, size: number, at: UserAddr): Result {
  if (!has(task.creds, CAP.SETGID)) return fail(E.EPERM);
  if (size < 0 || size > NGROUPS_MAX) return fail(E.EINVAL);
  const bytes = task.memory.readBytes(userAddr(at), size * 4);
  const groups = new Uint32Array(bytes.buffer);
  if (groups.includes(INVALID_ID)) return fail(E.EINVAL);
  task.creds = { ...task.creds, groups: [...groups.sort()] };
  return 0;
}
