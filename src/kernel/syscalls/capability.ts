/** capget(2), capset(2). */
import {
  capUserData,
  capUserHeader,
  LINUX_CAPABILITY_VERSION_1,
  LINUX_CAPABILITY_VERSION_2,
  LINUX_CAPABILITY_VERSION_3,
} from '../../abi/capability.js';
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { ALL_CAPABILITIES, CAP, type Credentials, has } from '../auth/credentials.js';
import { Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, structAt } from './codecs.js';
import { commit } from './credentials.js';
import { arg, syscall } from './declare.js';

export const capabilityCalls = [
  syscall(NR.capget, 'capget', [arg('hdrp', structAt(capUserHeader)), arg('datap', addr)], {}, capGet),
  syscall(NR.capset, 'capset', [arg('hdrp', structAt(capUserHeader)), arg('datap', addr)], {}, capSet),
];

interface CapabilitySets {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}

/** How many 32-bit words a set has in this version. An unknown one gets the kernel's own written back. */
function wordsOf(task: Task, at: UserAddr): { words: number; pid: number } | Failure {
  const { version, pid } = task.memory.readStruct(capUserHeader, at);
  switch (version) {
    case LINUX_CAPABILITY_VERSION_1:
      return { words: 1, pid };
    case LINUX_CAPABILITY_VERSION_2:
    case LINUX_CAPABILITY_VERSION_3:
      return { words: 2, pid };
    default:
      task.memory.writeU32(at, LINUX_CAPABILITY_VERSION_3);
      return fail(E.EINVAL);
  }
}

function capGet(task: Task, headerAt: UserAddr, dataAt: UserAddr): Result {
  const header = wordsOf(task, headerAt);
  // Asking with no data is how programs learn the version.
  if (header instanceof Failure) return dataAt === 0 ? 0 : header;
  if (dataAt === 0) return 0;
  if (header.pid < 0) return fail(E.EINVAL);
  const target = header.pid === 0 ? task : task.kernel.tasks.byTid(header.pid);
  if (!target) return fail(E.ESRCH);
  const { effective, permitted, inheritable } = target.creds;
  for (let i = 0; i < header.words; i++) {
    task.memory.writeStruct(capUserData, userAddr(dataAt + i * capUserData.size), {
      effective: wordAt(effective, i),
      permitted: wordAt(permitted, i),
      inheritable: wordAt(inheritable, i),
    });
  }
  return 0;
}

function capSet(task: Task, headerAt: UserAddr, dataAt: UserAddr): Result {
  const header = wordsOf(task, headerAt);
  if (header instanceof Failure) return header;
  if (header.pid !== 0 && header.pid !== task.tid) return fail(E.EPERM);
  const wanted = readSets(task, dataAt, header.words);
  return allowed(task.creds, wanted) ? commit(task, withSets(task.creds, wanted)) : fail(E.EPERM);
}

function readSets(task: Task, at: UserAddr, words: number): CapabilitySets {
  let effective = 0n;
  let permitted = 0n;
  let inheritable = 0n;
  for (let i = 0; i < words; i++) {
    const data = task.memory.readStruct(capUserData, userAddr(at + i * capUserData.size));
    const shift = BigInt(32 * i);
    effective |= BigInt(data.effective) << shift;
    permitted |= BigInt(data.permitted) << shift;
    inheritable |= BigInt(data.inheritable) << shift;
  }
  return {
    effective: effective & ALL_CAPABILITIES,
    permitted: permitted & ALL_CAPABILITIES,
    inheritable: inheritable & ALL_CAPABILITIES,
  };
}

/** cap_capset, security/commoncap.c. */
function allowed(old: Credentials, next: CapabilitySets): boolean {
  const within = (set: bigint, limit: bigint): boolean => (set & ~limit) === 0n;
  if (!has(old, CAP.SETPCAP) && !within(next.inheritable, old.inheritable | old.permitted)) return false;
  return (
    within(next.inheritable, old.inheritable | old.bounding) &&
    within(next.permitted, old.permitted) &&
    within(next.effective, next.permitted)
  );
}

function withSets(old: Credentials, next: CapabilitySets): Credentials {
  return { ...old, ...next, ambient: old.ambient & next.permitted & next.inheritable };
}

function wordAt(set: bigint, index: number): number {
  return Number((set >> BigInt(32 * index)) & 0xffff_ffffn);
}
