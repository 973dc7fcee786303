/**
 * How credentials change: setuid(2), setreuid(2), setresuid(2), setfsuid(2) and their gid twins;
 * kernel/sys.c and security/commoncap.c of Linux. Pure: old credentials in, new ones out.
 *
 * An id of -1 comes as NO_CHANGE and means "leave it".
 */
import { SECBIT_KEEP_CAPS, SECBIT_NO_SETUID_FIXUP } from '../../abi/capability.js';
import { E } from '../../abi/errno.js';
import { type Failure, fail } from '../outcome.js';
import { CAP, type Credentials, has } from './credentials.js';

export const NO_CHANGE = 0xffff_ffff;

/** Capabilities that go with a file system uid of 0. */
const FS_CAPABILITIES = [
  CAP.CHOWN,
  CAP.DAC_OVERRIDE,
  CAP.DAC_READ_SEARCH,
  CAP.FOWNER,
  CAP.FSETID,
  CAP.LINUX_IMMUTABLE,
  CAP.MKNOD,
  CAP.MAC_OVERRIDE,
].reduce((mask, cap) => mask | (1n << BigInt(cap)), 0n);

export function setUid(old: Credentials, uid: number): Credentials | Failure {
  if (uid === NO_CHANGE) return fail(E.EINVAL);
  if (has(old, CAP.SETUID)) return afterUidChange(old, { uid, euid: uid, suid: uid, fsuid: uid });
  if (uid !== old.uid && uid !== old.suid) return fail(E.EPERM);
  return afterUidChange(old, { euid: uid, fsuid: uid });
}

export function setReUid(old: Credentials, real: number, effective: number): Credentials | Failure {
  const free = has(old, CAP.SETUID);
  const uid = real === NO_CHANGE ? old.uid : real;
  const euid = effective === NO_CHANGE ? old.euid : effective;
  if (!free && uid !== old.uid && uid !== old.euid) return fail(E.EPERM);
  if (!free && ![old.uid, old.euid, old.suid].includes(euid)) return fail(E.EPERM);
  const renewed = real !== NO_CHANGE || (effective !== NO_CHANGE && effective !== old.uid);
  return afterUidChange(old, { uid, euid, suid: renewed ? euid : old.suid, fsuid: euid });
}

export function setResUid(
  old: Credentials,
  real: number,
  effective: number,
  saved: number,
): Credentials | Failure {
  const mine = [NO_CHANGE, old.uid, old.euid, old.suid];
  if (!has(old, CAP.SETUID) && [real, effective, saved].some((id) => !mine.includes(id))) {
    return fail(E.EPERM);
  }
  const euid = effective === NO_CHANGE ? old.euid : effective;
  return afterUidChange(old, {
    uid: real === NO_CHANGE ? old.uid : real,
    euid,
    suid: saved === NO_CHANGE ? old.suid : saved,
    fsuid: euid,
  });
}

/** Never fails: what is not allowed changes nothing. */
export function setFsUid(old: Credentials, fsuid: number): Credentials {
  const allowed = [old.uid, old.euid, old.suid, old.fsuid].includes(fsuid) || has(old, CAP.SETUID);
  if (fsuid === NO_CHANGE || !allowed || fsuid === old.fsuid) return old;
  return { ...old, fsuid, effective: fsCapabilities(old, fsuid, old.effective) };
}

export function setGid(old: Credentials, gid: number): Credentials | Failure {
  if (gid === NO_CHANGE) return fail(E.EINVAL);
  if (has(old, CAP.SETGID)) return { ...old, gid, egid: gid, sgid: gid, fsgid: gid };
  if (gid !== old.gid && gid !== old.sgid) return fail(E.EPERM);
  return { ...old, egid: gid, fsgid: gid };
}

export function setReGid(old: Credentials, real: number, effective: number): Credentials | Failure {
  const free = has(old, CAP.SETGID);
  const gid = real === NO_CHANGE ? old.gid : real;
  const egid = effective === NO_CHANGE ? old.egid : effective;
  if (!free && gid !== old.gid && gid !== old.egid) return fail(E.EPERM);
  if (!free && ![old.gid, old.egid, old.sgid].includes(egid)) return fail(E.EPERM);
  const renewed = real !== NO_CHANGE || (effective !== NO_CHANGE && effective !== old.gid);
  return { ...old, gid, egid, sgid: renewed ? egid : old.sgid, fsgid: egid };
}

export function setResGid(
  old: Credentials,
  real: number,
  effective: number,
  saved: number,
): Credentials | Failure {
  const mine = [NO_CHANGE, old.gid, old.egid, old.sgid];
  if (!has(old, CAP.SETGID) && [real, effective, saved].some((id) => !mine.includes(id))) {
    return fail(E.EPERM);
  }
  const egid = effective === NO_CHANGE ? old.egid : effective;
  return {
    ...old,
    gid: real === NO_CHANGE ? old.gid : real,
    egid,
    sgid: saved === NO_CHANGE ? old.sgid : saved,
    fsgid: egid,
  };
}

export function setFsGid(old: Credentials, fsgid: number): Credentials {
  const allowed = [old.gid, old.egid, old.sgid, old.fsgid].includes(fsgid) || has(old, CAP.SETGID);
  return fsgid === NO_CHANGE || !allowed ? old : { ...old, fsgid };
}

type Uids = Partial<Pick<Credentials, 'uid' | 'euid' | 'suid' | 'fsuid'>>;

/** Capabilities follow uid 0: capabilities(7), "Effect of user ID changes on capabilities". */
function afterUidChange(old: Credentials, change: Uids): Credentials {
  const now = { ...old, ...change };
  if (old.securebits & SECBIT_NO_SETUID_FIXUP) return now;
  let { permitted, effective, ambient } = now;
  const wasRoot = old.uid === 0 || old.euid === 0 || old.suid === 0;
  const isRoot = now.uid === 0 || now.euid === 0 || now.suid === 0;
  if (wasRoot && !isRoot) {
    if (!(old.securebits & SECBIT_KEEP_CAPS)) permitted = effective = 0n;
    ambient = 0n;
  }
  if (old.euid === 0 && now.euid !== 0) effective = 0n;
  if (old.euid !== 0 && now.euid === 0) effective = permitted;
  return { ...now, permitted, effective, ambient };
}

function fsCapabilities(old: Credentials, fsuid: number, effective: bigint): bigint {
  if (old.securebits & SECBIT_NO_SETUID_FIXUP) return effective;
  if (old.fsuid === 0 && fsuid !== 0) return effective & ~FS_CAPABILITIES;
  if (old.fsuid !== 0 && fsuid === 0) return effective | (old.permitted & FS_CAPABILITIES);
  return effective;
}
