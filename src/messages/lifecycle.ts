/**
 * What a kernel is made of before it runs: the settings of `init`, the root of its files, and the
 * features of the CPU that its guests see. Plain values; strings are Unicode here.
 */

/** The CPU as guests see it by cpuid, /proc/cpuinfo and the auxiliary vector. */
export interface FeatureSet {
  readonly vendor: string;
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
  /** As /proc/cpuinfo names them. */
  readonly flags: readonly string[];
  /** AT_HWCAP and AT_HWCAP2. */
  readonly hwcap: number;
  readonly hwcap2: number;
}

export interface UtsSettings {
  readonly hostname: string;
  readonly domainname: string;
}

/** The namespace in which all credentials of a kernel are: every id is itself. */
export interface UserNamespaceSettings {
  readonly owner: number;
  readonly group: number;
}

/** An entry of the auxiliary vector, getauxval(3). */
export interface AuxvEntry {
  readonly type: number;
  readonly value: number;
}

/** What `init` is told, checked. */
export interface InitSettings {
  readonly featureSet: FeatureSet;
  /** Where time comes from. */
  readonly timekeeper: { readonly clock: 'real' | 'virtual' };
  readonly rootUserNamespace: UserNamespaceSettings;
  readonly rootUtsNamespace: UtsSettings;
  /** Nothing in it yet can be chosen: System V IPC is refused. */
  readonly rootIpcNamespace: Readonly<Record<string, never>>;
  /** Absent: no Internet sockets (EAFNOSUPPORT). */
  readonly networkStack: { readonly interfaces: 'loopback' } | undefined;
  /** Guests see CPUs 0 … n-1. */
  readonly applicationCores: number;
  /** A task's CPU number is the host's, and affinity is not kept. */
  readonly useHostCores: boolean;
  /** Added to every program's auxiliary vector. */
  readonly extraAuxv: readonly AuxvEntry[];
}

/** Where the files of a kernel come from. */
export interface RootSettings {
  readonly rootfs: string;
  readonly binds: readonly { readonly source: string; readonly target: string; readonly readOnly: boolean }[];
  readonly tmpfs: readonly string[];
}
