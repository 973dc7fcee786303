/** The options of `troupe run`, declared once: what they are called, take, mean and set. */
import { LOG_LEVELS } from '../base/log.js';
import { PLACEMENTS } from '../base/placement.js';
import type { Bind, KernelOptions, SpawnOptions } from '../options.js';
import { choice, type OptionSpec, option } from './args.js';
import { cwd, environment, help, name, type Started, terminal, user } from './common-options.js';
import type { RecordRequest } from './record.js';
import {
  parseAbsolute,
  parseBind,
  parseCount,
  parseFile,
  parseSeconds,
  parseSeed,
  parseSize,
} from './values.js';

/** What the command line asks for, in the words of the API. */
export interface RunRequest extends Started {
  readonly kernel: KernelOptions;
  readonly binds: Bind[];
  readonly tmpfs: string[];
  readonly spawn: SpawnOptions;
  /** Other processes of this user may reach the sandbox by it: troupe ps, pause, exec… */
  name: string | undefined;
  readonly record: RecordRequest;
  readonly inject: string[];
  /** Modules of hooks, as paths. */
  readonly intercept: string[];
  help: boolean;
}

export function newRunRequest(): RunRequest {
  return {
    kernel: {},
    binds: [],
    tmpfs: [],
    spawn: {},
    env: {},
    terminal: false,
    name: undefined,
    record: { events: undefined, trace: undefined },
    inject: [],
    intercept: [],
    help: false,
  };
}

export const RUN_OPTIONS: readonly OptionSpec<RunRequest>[] = [
  ...terminal,
  option(
    'rootfs',
    'DIR',
    "host directory that is the guest's / (default: /); never written to",
    (run, value) => {
      run.kernel.rootfs = value;
    },
  ),
  option(
    'bind',
    'SRC:DST[:ro|rw]',
    'show a host file or directory at DST; read only unless :rw',
    (run, value) => {
      run.binds.push(parseBind(value));
    },
  ),
  option('tmpfs', 'DST', 'an empty directory in memory at DST', (run, value) => {
    run.tmpfs.push(parseAbsolute(value));
  }),
  cwd('yours, or / where it is not there'),
  environment,
  user,
  name,
  option('hostname', 'NAME', 'what uname says (default: troupe)', (run, value) => {
    run.kernel.hostname = value;
  }),
  option('cores', 'N', 'CPUs that the sandbox has (default: all)', (run, value) => {
    run.kernel.cores = parseCount(value);
  }),
  choice(
    'placement',
    'POLICY',
    'threads that serve system calls: % (default: pack: one; others: one a core)',
    {
      kind: 'policy',
      words: PLACEMENTS,
      apply: (run, policy) => {
        run.kernel.placement = policy;
      },
    },
  ),
  option('memory', 'SIZE', 'memory that the sandbox may use, like 512M or 2G', (run, value) => {
    run.kernel.memory = parseSize(value);
  }),
  option('pids', 'N', 'processes and threads that may live at once', (run, value) => {
    run.kernel.pids = parseCount(value);
  }),
  choice('time', 'real|virtual', 'virtual: no waiting; time leaps to the next timer when every task waits', {
    kind: 'time',
    words: ['real', 'virtual'],
    apply: (run, time) => {
      run.kernel.time = time;
    },
  }),
  option('timeout', 'SECONDS', 'kill the command after this time and exit with status 124', (run, value) => {
    run.spawn.timeout = parseSeconds(value);
  }),
  option(
    'strace',
    '[=FILTER]',
    'print system calls on stderr; FILTER like %file,%process,read',
    (run, value) => {
      run.kernel.strace = value === '' ? { sink: 'stderr' } : { sink: 'stderr', filter: value };
    },
  ),
  option('events', 'FILE', 'write what happens as lines of JSON; - is standard output', (run, value) => {
    run.record.events = parseFile(value);
  }),
  option(
    'trace',
    'FILE',
    'write a trace that Perfetto and chrome://tracing open; - is standard output',
    (run, value) => {
      run.record.trace = parseFile(value);
    },
  ),
  option(
    'inject',
    'RULE',
    'tamper with system calls as strace does: openat:error=ENOENT:when=3+; also :short=N, :chance=P',
    (run, value) => {
      run.inject.push(value);
    },
  ),
  option('inject-seed', 'N', 'seed of the choices that :chance= makes (default: 0)', (run, value) => {
    run.kernel.injectSeed = parseSeed(value);
  }),
  option(
    'intercept',
    'MODULE',
    'a JavaScript file whose before(call) and after(call) are asked about system calls',
    (run, value) => {
      run.intercept.push(parseFile(value));
    },
  ),
  choice('log', 'LEVEL', 'messages of troupe itself on stderr: %', {
    kind: 'level',
    words: LOG_LEVELS,
    apply: (run, level) => {
      run.kernel.logLevel = level;
    },
  }),
  help,
];
