/**
 * What an embedder may ask of a kernel and of a process: the types, and the schemas that check values
 * from outside (JavaScript callers, the command line). Shapes follow node:child_process where that has
 * the thing. A wrong value is an OptionsError of one line that names the option.
 *
 * Strings here are Unicode; they become byte strings behind this border.
 */
import * as v from 'valibot';
import { LOG_LEVELS, type LogLevel } from './base/log.js';

export type { LogLevel } from './base/log.js';

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
  /**
   * Worker threads that serve system calls. A process and what it forks stay on one shard, and each
   * shard has an in-memory layer of its own. Default: `cores`.
   */
  shards?: number | undefined;
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
  logLevel?: LogLevel | undefined;
}

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
}

export interface LoadOptions {
  /** What each process gets in place of the streams it was started with. Default: `pipe`. */
  stdio?: StdioOptions | undefined;
  /** Of the terminal that `stdio: 'pty'` gives. */
  windowSize?: WindowSize | undefined;
  /** Whether time that passed while the kernel was saved has passed for who sleeps. Default: `keep`. */
  sleepers?: 'keep' | 'elapse' | undefined;
  /** Default: as the saved kernel had it. */
  logLevel?: KernelOptions['logLevel'];
}

/** The caller asked for something that no kernel can do; the message is one line. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';
  readonly code = 'ERR_INVALID_ARG_VALUE';
}

const MAX_ID = 0xffff_fffe;

const text = v.pipe(
  v.string('must be a string'),
  v.check((s) => !s.includes('\0'), 'must not contain a NUL character'),
);
const nonEmpty = v.pipe(text, v.nonEmpty('must not be empty'));
const absolute = v.pipe(text, v.startsWith('/', 'must be an absolute path, like /data'));
const count = (least: number, most: number) =>
  v.pipe(
    v.number('must be a number'),
    v.integer('must be a whole number'),
    v.minValue(least, `must be at least ${least}`),
    v.maxValue(most, `must be at most ${most}`),
  );
const id = count(0, MAX_ID);
const windowSide = count(0, 0xffff);

const MIN_MEMORY = 16 * 1024 * 1024;

const kernelSchema: v.GenericSchema<unknown, KernelOptions> = v.strictObject({
  rootfs: v.optional(nonEmpty),
  binds: v.optional(
    v.array(
      v.strictObject({ source: nonEmpty, target: absolute, readOnly: v.boolean('must be a boolean') }),
      'must be an array of {source, target, readOnly}',
    ),
  ),
  tmpfs: v.optional(v.array(absolute, 'must be an array of paths')),
  hostname: v.optional(v.pipe(nonEmpty, v.maxBytes(64, 'must be at most 64 bytes'))),
  cores: v.optional(count(1, 1024)),
  shards: v.optional(count(1, 256)),
  memory: v.optional(count(MIN_MEMORY, Number.MAX_SAFE_INTEGER)),
  pids: v.optional(count(1, 4_194_304)),
  time: v.optional(v.picklist(['real', 'virtual'], "must be 'real' or 'virtual'")),
  strace: v.optional(
    v.strictObject({ filter: v.optional(text), sink: v.optional(v.literal('stderr', "must be 'stderr'")) }),
  ),
  logLevel: v.optional(v.picklist(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)),
});

const stdioWord = v.picklist(['inherit', 'pipe', 'ignore'] as const);
const stdioMessage =
  "must be 'inherit', 'pipe', 'ignore', 'pty' or an array of the first three and descriptor numbers";

const stdioSchema = v.optional(
  v.union([stdioWord, v.literal('pty'), v.array(v.union([stdioWord, count(0, 0x7fff_ffff)]))], stdioMessage),
);
const windowSizeSchema = v.optional(v.strictObject({ columns: windowSide, rows: windowSide }));

const spawnSchema: v.GenericSchema<unknown, SpawnOptions> = v.strictObject({
  cwd: v.optional(absolute),
  env: v.optional(
    v.record(v.pipe(nonEmpty, v.excludes('=', "a variable's name must not contain '='")), text),
  ),
  user: v.optional(v.strictObject({ uid: id, gid: id })),
  stdio: stdioSchema,
  windowSize: windowSizeSchema,
  timeout: v.optional(
    v.pipe(
      v.number('must be a number of seconds'),
      v.finite('must be finite'),
      v.gtValue(0, 'must be above 0'),
    ),
  ),
  signal: v.optional(v.instance(AbortSignal, 'must be an AbortSignal')),
  argv0: v.optional(text),
});

const loadSchema: v.GenericSchema<unknown, LoadOptions> = v.strictObject({
  stdio: stdioSchema,
  windowSize: windowSizeSchema,
  sleepers: v.optional(v.picklist(['keep', 'elapse'], "must be 'keep' or 'elapse'")),
  logLevel: v.optional(v.picklist(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)),
});

export function parseLoadOptions(options: unknown): LoadOptions {
  return check(loadSchema, options);
}

export function parseKernelOptions(options: unknown): KernelOptions {
  return check(kernelSchema, options);
}

export function parseSpawnOptions(options: unknown): SpawnOptions {
  return check(spawnSchema, options);
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

function check<T>(schema: v.GenericSchema<unknown, T>, options: unknown): T {
  const result = v.safeParse(schema, options ?? {});
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = v.getDotPath(issue);
  const message =
    issue.type === 'strict_object' && issue.expected === 'never'
      ? `unknown option; known: ${knownKeys(schema)}`
      : issue.message;
  throw new OptionsError(where ? `${where}: ${message}` : message);
}

function knownKeys(schema: object): string {
  return 'entries' in schema ? Object.keys(schema.entries as object).join(', ') : 'none';
}
