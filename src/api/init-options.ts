/** What `Kernel.init` takes: the parts of a kernel that its embedder settles before anything runs. */
import * as v from 'valibot';
import type { AuxvEntry, FeatureSet, InitSettings, UserNamespaceSettings } from '../messages/lifecycle.js';
import { checkOptions, cores, count, id, text, utsName } from '../options.js';

export interface InitOptions {
  /** The CPU as guests see it: `hostFeatureSet()`. */
  featureSet: FeatureSet;
  /** Where time comes from, as the kernel was created: `real` unless its options said otherwise. */
  timekeeper: { clock: 'real' | 'virtual' };
  rootUserNamespace: UserNamespaceSettings;
  /** Guests see CPUs 0 … n-1. At least one. */
  applicationCores: number;
  /** A task's CPU number is the host's, `applicationCores` is raised to cover all of them, and affinity is not kept. */
  useHostCores?: boolean | undefined;
  /** Names that uname(2) tells. Default: `troupe` and `(none)`. */
  rootUtsNamespace?: { hostname: string; domainname?: string | undefined } | undefined;
  rootIpcNamespace?: Record<string, never> | undefined;
  /** Absent: no Internet sockets. */
  networkStack?: { interfaces: 'loopback' } | undefined;
  /** Added to every program's auxiliary vector, getauxval(3). */
  extraAuxv?: readonly AuxvEntry[] | undefined;
}

const number = v.number('must be a number');
const word = count(0, Number.MAX_SAFE_INTEGER);
const DEFAULT_UTS = { hostname: 'troupe', domainname: '(none)' };

/** Made when it is needed: most embedders do without. */
const schema = (): v.GenericSchema<unknown, InitOptions> =>
  v.strictObject({
    featureSet: v.strictObject({
      vendor: text,
      family: number,
      model: number,
      stepping: number,
      flags: v.array(text, 'must be an array of names'),
      hwcap: number,
      hwcap2: number,
    }),
    timekeeper: v.strictObject({ clock: v.picklist(['real', 'virtual'], "must be 'real' or 'virtual'") }),
    rootUserNamespace: v.strictObject({ owner: id, group: id }),
    applicationCores: cores,
    useHostCores: v.optional(v.boolean('must be a boolean')),
    rootUtsNamespace: v.optional(v.strictObject({ hostname: utsName, domainname: v.optional(utsName) })),
    rootIpcNamespace: v.optional(v.strictObject({})),
    networkStack: v.optional(v.strictObject({ interfaces: v.literal('loopback', "must be 'loopback'") })),
    extraAuxv: v.optional(
      v.array(v.strictObject({ type: word, value: word }), 'must be an array of {type, value}'),
    ),
  });

/** Throws OptionsError, which names what is missing or wrong. */
export function initSettings(options: unknown): InitSettings {
  const given = checkOptions(schema(), options);
  const { featureSet, timekeeper, rootUserNamespace, applicationCores, networkStack } = given;
  return {
    featureSet,
    timekeeper,
    rootUserNamespace,
    applicationCores,
    useHostCores: given.useHostCores ?? false,
    rootUtsNamespace: {
      hostname: given.rootUtsNamespace?.hostname ?? DEFAULT_UTS.hostname,
      domainname: given.rootUtsNamespace?.domainname ?? DEFAULT_UTS.domainname,
    },
    rootIpcNamespace: {},
    networkStack,
    extraAuxv: given.extraAuxv ?? [],
  };
}
