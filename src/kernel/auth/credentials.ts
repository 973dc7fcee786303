/**
 * Credentials of a task, credentials(7), capabilities(7). Immutable: a change makes a new object, so
 * tasks may share one and a file may keep its opener's.
 */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly euid: number;
  readonly egid: number;
  readonly suid: number;
  readonly sgid: number;
  readonly fsuid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  /** Capability sets as bit masks of 41 bits; exact in a double, tested with `has`. */
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly inheritable: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
  readonly securebits: number;
  readonly noNewPrivs: boolean;
}

export const CAP = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  DAC_READ_SEARCH: 2,
  FOWNER: 3,
  FSETID: 4,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  LINUX_IMMUTABLE: 9,
  NET_BIND_SERVICE: 10,
  NET_ADMIN: 12,
  NET_RAW: 13,
  IPC_LOCK: 14,
  IPC_OWNER: 15,
  SYS_MODULE: 16,
  SYS_RAWIO: 17,
  SYS_CHROOT: 18,
  SYS_PTRACE: 19,
  SYS_PACCT: 20,
  SYS_ADMIN: 21,
  SYS_BOOT: 22,
  SYS_NICE: 23,
  SYS_RESOURCE: 24,
  SYS_TIME: 25,
  SYS_TTY_CONFIG: 26,
  MKNOD: 27,
  LEASE: 28,
  AUDIT_WRITE: 29,
  AUDIT_CONTROL: 30,
  SETFCAP: 31,
  MAC_OVERRIDE: 32,
  MAC_ADMIN: 33,
  SYSLOG: 34,
  WAKE_ALARM: 35,
  BLOCK_SUSPEND: 36,
  AUDIT_READ: 37,
  PERFMON: 38,
  BPF: 39,
  CHECKPOINT_RESTORE: 40,
} as const;
export const CAP_LAST = CAP.CHECKPOINT_RESTORE;
export const ALL_CAPABILITIES = (1n << BigInt(CAP_LAST + 1)) - 1n;

export type Capability = (typeof CAP)[keyof typeof CAP];

export function has(creds: Credentials, cap: Capability): boolean {
  return ((creds.effective >> BigInt(cap)) & 1n) === 1n;
}

/** Credentials of a fresh login: root has every capability, others none. */
export function credentialsOf(uid: number, gid: number, groups: readonly number[] = []): Credentials {
  const caps = uid === 0 ? ALL_CAPABILITIES : 0n;
  return {
    uid,
    gid,
    euid: uid,
    egid: gid,
    suid: uid,
    sgid: gid,
    fsuid: uid,
    fsgid: gid,
    groups,
    permitted: caps,
    effective: caps,
    inheritable: 0n,
    bounding: ALL_CAPABILITIES,
    ambient: 0n,
    securebits: 0,
    noNewPrivs: false,
  };
}

export function inGroup(creds: Credentials, gid: number): boolean {
  return creds.fsgid === gid || creds.groups.includes(gid);
}
