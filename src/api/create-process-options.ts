/** What `Kernel.createProcess` takes, nearer to execve(2) than `spawn`: nothing is inherited or looked up. */
import * as v from 'valibot';
import { E } from '../abi/errno.js';
import { RLIM_INFINITY, RLIMIT } from '../abi/resource.js';
import { fromUnicode } from '../base/bytes.js';
import { refused } from '../messages/kernel.js';
import type { ProcessSpec } from '../messages/shard.js';
import {
  checkOptions,
  count,
  id,
  type StdioOptions,
  stdioEntries,
  text,
  utsName,
  type WindowSize,
} from '../options.js';
import { KernelError } from './kernel-error.js';
import { stdioOf } from './stdio.js';

/** getrlimit(2), in its units. */
export interface LimitOption {
  soft: number | 'unlimited';
  hard: number | 'unlimited';
}
export type LimitName = Lowercase<keyof typeof RLIMIT>;

export interface CreateProcessOptions {
  /** A path. Default: `argv[0]`, which must then be absolute. */
  filename?: string | undefined;
  argv: readonly string[];
  /** `NAME=VALUE`. Default: none. */
  envv?: readonly string[] | undefined;
  /** Default: `/`. */
  workingDirectory?: string | undefined;
  /** Default: root. */
  credentials?: { uid: number; gid: number; groups?: readonly number[] | undefined } | undefined;
  /** Its descriptors. Default: `pipe`. */
  stdio?: StdioOptions | undefined;
  windowSize?: WindowSize | undefined;
  /** Default: 022. */
  umask?: number | undefined;
  /** Default: those that Linux begins with. */
  limits?: Partial<Record<LimitName, LimitOption>> | undefined;
  /** Symbolic links that the paths above may go through. Default: 40. */
  maxSymlinkTraversals?: number | undefined;
  /** Names of its own, which its children have too. Default: those of the kernel. */
  utsNamespace?: { hostname: string; domainname: string } | undefined;
}

const limit = v.union(
  [v.literal('unlimited'), count(0, Number.MAX_SAFE_INTEGER)],
  "must be a number, or 'unlimited'",
);
const limitNames = Object.keys(RLIMIT).map((name) => name.toLowerCase()) as LimitName[];

/** Made when it is needed: most embedders do without. */
const schema = (): v.GenericSchema<unknown, CreateProcessOptions> =>
  v.strictObject({
    filename: v.optional(text),
    argv: v.array(text, 'must be an array of strings'),
    envv: v.optional(
      v.array(v.pipe(text, v.includes('=', 'must be NAME=VALUE')), 'must be an array of strings'),
    ),
    workingDirectory: v.optional(text),
    credentials: v.optional(v.strictObject({ uid: id, gid: id, groups: v.optional(v.array(id)) })),
    ...stdioEntries,
    umask: v.optional(count(0, 0o777)),
    limits: v.optional(
      v.record(
        v.picklist(limitNames, `must be one of ${limitNames.join(', ')}`),
        v.strictObject({ soft: limit, hard: limit }),
      ),
    ),
    maxSymlinkTraversals: v.optional(count(0, 1000)),
    utsNamespace: v.optional(v.strictObject({ hostname: utsName, domainname: utsName })),
  });

/** Throws OptionsError for a wrong value, KernelError where a program to run is not named. */
export function createProcessSpec(options: unknown): ProcessSpec {
  const given = checkOptions(schema(), options);
  const { argv, envv = [], workingDirectory, credentials, umask, maxSymlinkTraversals, utsNamespace } = given;
  return {
    command: fromUnicode(commandOf(given)),
    searchPath: false,
    argv: argv.map(fromUnicode),
    envp: envv.map(fromUnicode),
    cwd: fromUnicode(workingDirectory || '/'),
    uid: credentials?.uid ?? 0,
    gid: credentials?.gid ?? 0,
    groups: credentials?.groups ?? [],
    stdio: stdioOf(given),
    ...(umask === undefined ? {} : { umask }),
    ...(maxSymlinkTraversals === undefined ? {} : { maxSymlinkTraversals }),
    ...(utsNamespace ? { utsNamespace } : {}),
    ...(given.limits ? { limits: limitsOf(given.limits) } : {}),
  };
}

function commandOf({ filename, argv }: CreateProcessOptions): string {
  if (filename) return filename;
  const [first] = argv;
  if (first === undefined) {
    throw new KernelError(refused('InvalidArgument', E.EINVAL, 'there is neither filename nor argv[0]'));
  }
  if (first.startsWith('/')) return first;
  throw new KernelError(
    refused('InvalidArgument', E.EINVAL, `"${first}" is not an absolute path, and there is no filename`),
  );
}

function limitsOf(given: NonNullable<CreateProcessOptions['limits']>): NonNullable<ProcessSpec['limits']> {
  const value = (n: number | 'unlimited'): bigint => (n === 'unlimited' ? RLIM_INFINITY : BigInt(n));
  const limits = new Map<number, { soft: bigint; hard: bigint }>();
  for (const name of limitNames) {
    const asked = given[name];
    if (!asked) continue;
    const [soft, hard] = [value(asked.soft), value(asked.hard)];
    if (soft > hard) {
      throw new KernelError(
        refused('InvalidArgument', E.EINVAL, `limits.${name}: the soft limit is above the hard one`),
      );
    }
    limits.set(RLIMIT[name.toUpperCase() as keyof typeof RLIMIT], { soft, hard });
  }
  return limits;
}
