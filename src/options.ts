/**
 * What an embedder may ask of a kernel and of a process: the types, and the schemas that check values
 * from outside (JavaScript callers, the command line). Shapes follow node:child_process where that has
 * the thing. A wrong value is an OptionsError of one line that names the option.
 *
 * Strings here are Unicode; they become byte strings behind this border.
 */
import * as v from 'valibot';
import { LOG_LEVELS, type LogLevel } from './base/log.js';
import { MISSING_KINDS, type MissingKind } from './base/missing.js';
import { PLACEMENTS, type PlacementPolicy } from './base/placement.js';
import { EVENT_TYPES, type EventType } from './messages/events.js';
import type { SaveProgress } from './messages/kernel.js';

export type { LogLevel } from './base/log.js';
export type { PlacementPolicy } from './base/placement.js';

/** A host directory or file that guests see at `target`. */
export interface Bind {
  source: string;
  target: string;
  readOnly: boolean;
}

export interface StraceOptions {
  /** As strace's -e trace=: `%file,%process,read,…`; absent: every call. */
  filter?: string | undefined;
  sink?: 'stderr' | undefined;
}

export interface KernelOptions {
  /** Host directory whose tree is the guests' `/`, read only under an in-memory layer. Default: `/`. */
  rootfs?: string | undefined;
  binds?: readonly Bind[] | undefined;
  /** Guest directories that begin empty and live in memory. */
  tmpfs?: readonly string[] | undefined;
  /** Default: `troupe`. */
  hostname?: string | undefined;
  /** CPUs that guests see. Default: the CPUs of this process. */
  cores?: number | undefined;
  /** Worker threads that serve system calls. Default: 1 where `placement` is `pack`, else `cores`. */
  shards?: number | undefined;
  /**
   * Which shards run programs. `pack`: the first one; `spread`: each the next one; `adaptive`: the first
   * one until it is busy, then the one that is least so. Default: `pack`: a call about a file costs several
   * times as much from another shard (docs/decisions/0033).
   */
  placement?: PlacementPolicy | undefined;
  /** Bytes of memory for the whole sandbox. */
  memory?: number | undefined;
  /** Tasks (threads of all processes) that may live at once. */
  pids?: number | undefined;
  /**
   * `virtual`: when every task waits, guests' time leaps to the next timer, so that `sleep 3600` returns at
   * once. Needs one shard, which is then the default. Default: `real`.
   */
  time?: 'real' | 'virtual' | undefined;
  /** Prints system calls as strace does. */
  strace?: StraceOptions | undefined;
  /** Faults, signals, delays and short transfers by rule, as strace's -e inject=. */
  inject?: string | readonly string[] | undefined;
  /** Of the choices that `chance=` of a rule makes. Default: 0. */
  injectSeed?: number | undefined;
  /**
   * What is written to stderr as JSON lines, each with its `actor`: operations and programs started by `kernel` at info,
   * how each task begins and ends at debug, its system calls at trace. Default: warn.
   */
  logLevel?: LogLevel | undefined;
}

/** Options of a kernel that is made in steps; what else there is to choose, `init` and others are told. */
export type CreateOptions = Pick<KernelOptions, 'shards' | 'memory' | 'pids' | 'strace' | 'logLevel'>;

/** Where the files of a kernel come from. */
export type RootOptions = Pick<KernelOptions, 'rootfs' | 'binds' | 'tmpfs'>;

export interface User {
  uid: number;
  gid: number;
}

/** A number is a descriptor of the embedding program, used by the guest as it is. */
export type StdioEntry = 'inherit' | 'pipe' | 'ignore' | number;
/** `pty`: the process gets a terminal of its own, which the embedder types on (stdin) and reads (stdout). */
export type StdioOptions = 'inherit' | 'pipe' | 'ignore' | 'pty' | readonly StdioEntry[];

/** Characters of a terminal's window. */
export interface WindowSize {
  columns: number;
  rows: number;
}

export interface SpawnOptions {
  /** Default: the embedder's working directory, or `/` when the root is another tree. */
  cwd?: string | undefined;
  /** The whole environment. Default: PATH, HOME, TERM and LANG of the embedder, nothing else. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Default: the ids of the embedder. */
  user?: User | undefined;
  /** Default: `pipe`. */
  stdio?: StdioOptions | undefined;
  /** Of the terminal that `stdio: 'pty'` gives. Default: 80 × 24. */
  windowSize?: WindowSize | undefined;
  /** Seconds, after which the process is killed. */
  timeout?: number | undefined;
  /** Kills the process when aborted. */
  signal?: AbortSignal | undefined;
  /** What the program sees as argv[0]. Default: the command as given. */
  argv0?: string | undefined;
  /**
   * As exec(3) is for a process: when the program ends, so does the embedder's process, with the same status (128+N
   * for signal N). What else runs in the sandbox is killed; `completed` never settles, and nothing of node's own
   * way out happens, `exit` listeners included. Default: false.
   */
  exec?: boolean | undefined;
}

export interface LoadOptions {
  /**
   * What each process gets in place of the streams it was started with, one for each of them (see `dropMissing`).
   * Default: `pipe`.
   */
  stdio?: StdioOptions | undefined;
  /** Of the terminal that `stdio: 'pty'` gives. */
  windowSize?: WindowSize | undefined;
  /** Whether time that passed while the kernel was saved has passed for who sleeps. Default: `keep`. */
  sleepers?: 'keep' | 'elapse' | undefined;
  /**
   * What the kernel goes on without where it is not there any more; by default each is an error that names it.
   * `files`: a directory or file bound from the host, which from then on is like one that was removed (ENOENT), and
   * open files of the host that are gone or were changed: descriptors answer EIO, mapped pages that the guest had
   * not written to raise SIGBUS. `streams`: a descriptor that a process was started with and for which `stdio` has
   * nothing: it is like a pipe whose other end is closed (end of file, EPIPE). `cpu`: contents of registers that this
   * CPU has not; instructions that it has not raise SIGILL.
   */
  dropMissing?: readonly MissingKind[] | undefined;
  /** Told now and then how far it is, and at the end. */
  onProgress?: ((progress: SaveProgress) => void) | undefined;
  /** Default: as the saved kernel had it. */
  logLevel?: KernelOptions['logLevel'];
}

export interface SaveToOptions {
  /** Whether memory is compressed too: smaller, and slower. Default: false. */
  compress?: boolean | undefined;
  /** Told now and then how far it is, and at the end. */
  onProgress?: ((progress: SaveProgress) => void) | undefined;
}

/** Which events an observer wants; what is absent excludes nothing. */
export interface EventFilter<T extends EventType = EventType> {
  types?: readonly T[] | undefined;
  /** Process ids; threads count as their process. */
  pids?: readonly number[] | undefined;
  /** System calls, for events of these: names and classes as strace's -e trace=, `['openat', '%network']`. */
  syscalls?: string | readonly string[] | undefined;
  /** Absolute paths in the sandbox: only events that name these files, or what is beneath them. */
  paths?: readonly string[] | undefined;
  /** Nothing is dropped: an observer that is slower than the guests holds them. Default: false. */
  lossless?: boolean | undefined;
}

/** The caller asked for something that no kernel can do; the message is one line. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';
  readonly code = 'ERR_INVALID_ARG_VALUE';
}

const MAX_ID = 0xffff_fffe;

export const text = v.pipe(
  v.string('must be a string'),
  v.check((s) => !s.includes('\0'), 'must not contain a NUL character'),
);
export const nonEmpty = v.pipe(text, v.nonEmpty('must not be empty'));
export const absolute = v.pipe(text, v.startsWith('/', 'must be an absolute path, like /data'));
export const count = (least: number, most: number) =>
  v.pipe(
    v.number('must be a number'),
    v.integer('must be a whole number'),
    v.minValue(least, `must be at least ${least}`),
    v.maxValue(most, `must be at most ${most}`),
  );
export const id = count(0, MAX_ID);
export const windowSide = count(0, 0xffff);

const MIN_MEMORY = 16 * 1024 * 1024;

/** Options that say where the files of a kernel come from. */
const rootEntries = {
  rootfs: v.optional(nonEmpty),
  binds: v.optional(
    v.array(
      v.strictObject({ source: nonEmpty, target: absolute, readOnly: v.boolean('must be a boolean') }),
      'must be an array of {source, target, readOnly}',
    ),
  ),
  tmpfs: v.optional(v.array(absolute, 'must be an array of paths')),
};

/** Options that hold for a kernel from its first moment. */
const machineEntries = {
  shards: v.optional(count(1, 256)),
  placement: v.optional(v.picklist(PLACEMENTS, `must be one of ${PLACEMENTS.join(', ')}`)),
  memory: v.optional(count(MIN_MEMORY, Number.MAX_SAFE_INTEGER)),
  pids: v.optional(count(1, 4_194_304)),
  time: v.optional(v.picklist(['real', 'virtual'], "must be 'real' or 'virtual'")),
  strace: v.optional(
    v.strictObject({ filter: v.optional(text), sink: v.optional(v.literal('stderr', "must be 'stderr'")) }),
  ),
  inject: v.optional(v.union([nonEmpty, v.array(nonEmpty)], 'must be a rule or an array of rules')),
  injectSeed: v.optional(count(0, 0xffff_ffff)),
  logLevel: v.optional(v.picklist(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)),
};

/** UTS_LEN: what sethostname(2) takes. */
export const utsName = v.pipe(text, v.maxBytes(64, 'must be at most 64 bytes'));
export const cores = count(1, 1024);

const kernelSchema: v.GenericSchema<unknown, KernelOptions> = v.strictObject({
  ...rootEntries,
  hostname: v.optional(v.pipe(nonEmpty, utsName)),
  cores: v.optional(cores),
  ...machineEntries,
});

const TYPES = Object.values(EVENT_TYPES).flat();
export const eventFilter: v.GenericSchema<unknown, EventFilter> = v.strictObject({
  types: v.optional(
    v.array(v.picklist(TYPES, `must be of ${TYPES.join(', ')}`), 'must be an array of types of events'),
  ),
  pids: v.optional(v.array(count(1, 4_194_304), 'must be an array of process ids')),
  syscalls: v.optional(v.union([text, v.array(text)], 'must be a string or an array of strings')),
  paths: v.optional(v.array(absolute, 'must be an array of absolute paths')),
  lossless: v.optional(v.boolean('must be a boolean')),
});

const stdioWord = v.picklist(['inherit', 'pipe', 'ignore'] as const);
const stdioMessage =
  "must be 'inherit', 'pipe', 'ignore', 'pty' or an array of the first three and descriptor numbers";

/** What the descriptors of a process are. */
export const stdioEntries = {
  stdio: v.optional(
    v.union(
      [stdioWord, v.literal('pty'), v.array(v.union([stdioWord, count(0, 0x7fff_ffff)]))],
      stdioMessage,
    ),
  ),
  windowSize: v.optional(v.strictObject({ columns: windowSide, rows: windowSide })),
};

const spawnSchema: v.GenericSchema<unknown, SpawnOptions> = v.strictObject({
  cwd: v.optional(absolute),
  env: v.optional(
    v.record(v.pipe(nonEmpty, v.excludes('=', "a variable's name must not contain '='")), text),
  ),
  user: v.optional(v.strictObject({ uid: id, gid: id })),
  ...stdioEntries,
  timeout: v.optional(
    v.pipe(
      v.number('must be a number of seconds'),
      v.finite('must be finite'),
      v.gtValue(0, 'must be above 0'),
    ),
  ),
  signal: v.optional(v.instance(AbortSignal, 'must be an AbortSignal')),
  argv0: v.optional(text),
  exec: v.optional(v.boolean('must be a boolean')),
});

const onProgress = v.custom<(progress: SaveProgress) => void>(
  (value) => typeof value === 'function',
  'must be a function',
);

const saveSchema: v.GenericSchema<unknown, SaveToOptions> = v.strictObject({
  compress: v.optional(v.boolean('must be a boolean')),
  onProgress: v.optional(onProgress),
});

export function parseSaveToOptions(options: unknown): SaveToOptions {
  return checkOptions(saveSchema, options);
}

const loadSchema: v.GenericSchema<unknown, LoadOptions> = v.strictObject({
  ...stdioEntries,
  sleepers: v.optional(v.picklist(['keep', 'elapse'], "must be 'keep' or 'elapse'")),
  dropMissing: v.optional(
    v.array(v.picklist(MISSING_KINDS, `must be of ${MISSING_KINDS.join(', ')}`), 'must be an array'),
  ),
  onProgress: v.optional(onProgress),
  logLevel: v.optional(v.picklist(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)),
});

export function parseLoadOptions(options: unknown): LoadOptions {
  return checkOptions(loadSchema, options);
}

export function parseKernelOptions(options: unknown): KernelOptions {
  return checkOptions(kernelSchema, options);
}

const createSchema: v.GenericSchema<unknown, CreateOptions> = v.strictObject(machineEntries);
const rootSchema: v.GenericSchema<unknown, RootOptions> = v.strictObject(rootEntries);

export function parseCreateOptions(options: unknown): CreateOptions {
  return checkOptions(createSchema, options);
}

export function parseRootOptions(options: unknown): RootOptions {
  return checkOptions(rootSchema, options);
}

export function parseSpawnOptions(options: unknown): SpawnOptions {
  return checkOptions(spawnSchema, options);
}

export function parseEventFilter(filter: unknown): EventFilter {
  return checkOptions(eventFilter, filter);
}

const INHERITED = ['PATH', 'HOME', 'TERM', 'LANG'] as const;

/**
 * What of the caller's environment a guest gets when nobody said: what programs need to find
 * themselves, and no secrets.
 */
export function defaultEnv(from: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = from[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

export function checkOptions<T>(schema: v.GenericSchema<unknown, T>, options: unknown): T {
  const result = v.safeParse(schema, options ?? {});
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = v.getDotPath(issue);
  let { message } = issue;
  if (issue.type === 'strict_object') {
    if (issue.expected === 'never') message = `unknown option; known: ${knownKeys(schema)}`;
    else if (issue.received === 'undefined') message = 'is missing';
  }
  throw new OptionsError(where ? `${where}: ${message}` : message);
}

function knownKeys(schema: object): string {
  return 'entries' in schema ? Object.keys(schema.entries as object).join(', ') : 'none';
}
