/** What `init` settles: what is checked of it, and what a kernel that is made whole has in its place. */
import type { KernelConfig } from '../messages/kernel.js';
import type { FeatureSet, InitSettings } from '../messages/lifecycle.js';

/** What of the host decides about a kernel. */
export interface HostFacts {
  readonly features: () => FeatureSet;
  /** The highest number that a CPU may ever have, and one. */
  readonly possibleCores: () => number;
}

export function settingsOfWhole(
  { cores, hostname, time }: Pick<KernelConfig, 'cores' | 'hostname' | 'time'>,
  host: HostFacts,
): InitSettings {
  return {
    featureSet: host.features(),
    timekeeper: { clock: time },
    rootUserNamespace: { owner: 0, group: 0 },
    rootUtsNamespace: { hostname, domainname: '(none)' },
    rootIpcNamespace: {},
    networkStack: { interfaces: 'loopback' },
    applicationCores: cores,
    useHostCores: false,
    extraAuxv: [],
  };
}

/**
 * What is wrong with a feature set, in one line: guests run on this CPU, and nothing that it can do can
 * be hidden from their cpuid instruction.
 */
export function unlikeHost(asked: FeatureSet, host: FeatureSet): string | undefined {
  for (const key of ['vendor', 'family', 'model', 'stepping', 'hwcap', 'hwcap2'] as const) {
    if (asked[key] !== host[key]) return `${key} is ${asked[key]}, but this CPU's is ${host[key]}`;
  }
  const [theirs, ours] = [new Set(asked.flags), new Set(host.flags)];
  for (const flag of theirs) if (!ours.has(flag)) return `this CPU has no ${flag}`;
  for (const flag of ours) if (!theirs.has(flag)) return `${flag} cannot be hidden from guests`;
  return undefined;
}
