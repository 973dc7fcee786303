/**
 * What execve(2) makes of credentials: set-user-ID and set-group-ID bits, and the rules of
 * capabilities(7), "Transformation of capabilities during execve()"; fs/exec.c (bprm_fill_uid),
 * security/commoncap.c. No file has capabilities of its own here.
 */
import { SECBIT_KEEP_CAPS, SECBIT_NOROOT } from '../../abi/capability.js';
import { S_ISGID, S_ISUID, S_IXGRP } from '../../abi/mode.js';
import { MS_NOSUID } from '../../abi/mount.js';
import type { VfsPath } from '../fs/path.js';
import { ALL_CAPABILITIES, CAP, type Credentials, has } from './credentials.js';

export interface ExecCredentials {
  readonly creds: Credentials;
  /** The program has privileges that its caller had not: AT_SECURE. */
  readonly secure: boolean;
}

/** `unsafe`: somebody could take hold of the program (a tracer, a shared root), so it gains nothing. */
export function credentialsAtExec(
  old: Credentials,
  program: VfsPath,
  how: { readonly unsafe: boolean },
): ExecCredentials {
  const set = setIds(old, program);
  const isRoot = set.uid === 0 || set.euid === 0;
  const file = isRoot && !(old.securebits & SECBIT_NOROOT) ? ALL_CAPABILITIES : 0n;
  let permitted = (file & old.bounding) | (old.inheritable & file);
  let { euid, egid } = set;
  const gains = (permitted & ~old.permitted) !== 0n;
  const changes = euid !== old.euid || egid !== old.egid;
  if ((changes || gains) && how.unsafe) {
    if (!has(old, CAP.SETUID) || old.noNewPrivs) {
      euid = old.uid;
      egid = old.gid;
    }
    permitted &= old.permitted;
  }
  const setid = euid !== old.uid || egid !== old.gid;
  // A program with privileges of its own inherits none by the ambient set.
  const ambient = changes ? 0n : old.ambient;
  permitted |= ambient;
  const rootEffective = euid === 0 && !(old.securebits & SECBIT_NOROOT);
  const effective = rootEffective ? permitted : ambient;
  const creds: Credentials = {
    ...old,
    euid,
    egid,
    suid: euid,
    sgid: egid,
    fsuid: euid,
    fsgid: egid,
    permitted,
    effective,
    ambient,
    securebits: old.securebits & ~SECBIT_KEEP_CAPS,
  };
  const raised = old.uid !== 0 && (rootEffective || permitted !== ambient);
  return { creds, secure: setid || raised };
}

/** Group bits count only where the group may execute: without, they once meant mandatory locks. */
function setIds(old: Credentials, { dentry, mount }: VfsPath): Pick<Credentials, 'uid' | 'euid' | 'egid'> {
  const { uid, euid, egid } = old;
  if (mount.flags & MS_NOSUID || old.noNewPrivs) return { uid, euid, egid };
  const { mode, uid: owner, gid: group } = dentry.inode.attributes();
  const setsGroup = (mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP);
  return { uid, euid: mode & S_ISUID ? owner : euid, egid: setsGroup ? group : egid };
}
