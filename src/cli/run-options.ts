/** The options of `troupe run`, declared once: what they are called, take, mean and set. */
import { LOG_LEVELS } from '../base/log.js';
import { PLACEMENTS } from '../base/placement.js';
import type { Bind, KernelOptions, SpawnOptions } from '../options.js';
import { type OptionSpec, UsageError } from './args.js';
import type { RecordRequest } from './record.js';
import {
  parseAbsolute,
  parseBind,
  parseCount,
  parseFile,
  parseSeconds,
  parseSeed,
  parseSize,
  parseUser,
  parseVariable,
} from './values.js';

/** What the command line asks for, in the words of the API. */
export interface RunRequest {
  readonly kernel: KernelOptions;
  readonly binds: Bind[];
  readonly tmpfs: string[];
  readonly spawn: SpawnOptions;
  /** `--env`, to be laid over the default environment. */
  readonly env: Record<string, string>;
  /** The guest gets a terminal of its own, shown on the caller's. */
  terminal: boolean;
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
  {
    name: 'interactive',
    short: 'i',
    help: 'pass standard input to the command (it always is; for the habit of writing -it)',
    apply: () => {},
  },
  {
    name: 'tty',
    short: 't',
    help: 'give the command a terminal of its own, shown on yours: shells, editors, job control',
    apply: (run) => {
      run.terminal = true;
    },
  },
  {
    name: 'rootfs',
    value: 'DIR',
    help: "host directory that is the guest's / (default: /); never written to",
    apply: (run, value) => {
      run.kernel.rootfs = value;
    },
  },
  {
    name: 'bind',
    value: 'SRC:DST[:ro|rw]',
    help: 'show a host file or directory at DST; read only unless :rw',
    apply: (run, value) => {
      run.binds.push(parseBind(value));
    },
  },
  {
    name: 'tmpfs',
    value: 'DST',
    help: 'an empty directory in memory at DST',
    apply: (run, value) => {
      run.tmpfs.push(parseAbsolute(value));
    },
  },
  {
    name: 'cwd',
    value: 'DIR',
    help: 'working directory in the sandbox (default: yours, or / where it is not there)',
    apply: (run, value) => {
      run.spawn.cwd = parseAbsolute(value);
    },
  },
  {
    name: 'env',
    value: 'NAME=VALUE',
    help: 'set a variable; otherwise only PATH, HOME, TERM and LANG are passed on',
    apply: (run, value) => {
      const [name, content] = parseVariable(value);
      run.env[name] = content;
    },
  },
  {
    name: 'user',
    value: 'UID[:GID]',
    help: 'run as this user (default: yours); needs no such user on the host',
    apply: (run, value) => {
      run.spawn.user = parseUser(value);
    },
  },
  {
    name: 'name',
    value: 'NAME',
    help: 'what troupe ps, pause, exec and others call the sandbox while it runs',
    apply: (run, value) => {
      run.name = value;
    },
  },
  {
    name: 'hostname',
    value: 'NAME',
    help: 'what uname says (default: troupe)',
    apply: (run, value) => {
      run.kernel.hostname = value;
    },
  },
  {
    name: 'cores',
    value: 'N',
    help: 'CPUs that the sandbox has (default: all)',
    apply: (run, value) => {
      run.kernel.cores = parseCount(value);
    },
  },
  {
    name: 'placement',
    value: 'POLICY',
    help: `threads that serve system calls: ${PLACEMENTS.join(', ')} (default: pack: one; others: one a core)`,
    apply: (run, value) => {
      const policy = PLACEMENTS.find((p) => p === value);
      if (!policy) throw new UsageError(`not a policy; write one of ${PLACEMENTS.join(', ')}`);
      run.kernel.placement = policy;
    },
  },
  {
    name: 'memory',
    value: 'SIZE',
    help: 'memory that the sandbox may use, like 512M or 2G',
    apply: (run, value) => {
      run.kernel.memory = parseSize(value);
    },
  },
  {
    name: 'pids',
    value: 'N',
    help: 'processes and threads that may live at once',
    apply: (run, value) => {
      run.kernel.pids = parseCount(value);
    },
  },
  {
    name: 'time',
    value: 'real|virtual',
    help: 'virtual: no waiting; time leaps to the next timer when every task waits',
    apply: (run, value) => {
      if (value !== 'real' && value !== 'virtual') throw new UsageError('not a time; write real or virtual');
      run.kernel.time = value;
    },
  },
  {
    name: 'timeout',
    value: 'SECONDS',
    help: 'kill the command after this time and exit with status 124',
    apply: (run, value) => {
      run.spawn.timeout = parseSeconds(value);
    },
  },
  {
    name: 'strace',
    value: '[=FILTER]',
    help: 'print system calls on stderr; FILTER like %file,%process,read',
    apply: (run, value) => {
      run.kernel.strace = value === '' ? { sink: 'stderr' } : { sink: 'stderr', filter: value };
    },
  },
  {
    name: 'events',
    value: 'FILE',
    help: 'write what happens as lines of JSON; - is standard output',
    apply: (run, value) => {
      run.record.events = parseFile(value);
    },
  },
  {
    name: 'trace',
    value: 'FILE',
    help: 'write a trace that Perfetto and chrome://tracing open; - is standard output',
    apply: (run, value) => {
      run.record.trace = parseFile(value);
    },
  },
  {
    name: 'inject',
    value: 'RULE',
    help: 'tamper with system calls as strace does: openat:error=ENOENT:when=3+; also :short=N, :chance=P',
    apply: (run, value) => {
      run.inject.push(value);
    },
  },
  {
    name: 'inject-seed',
    value: 'N',
    help: 'seed of the choices that :chance= makes (default: 0)',
    apply: (run, value) => {
      run.kernel.injectSeed = parseSeed(value);
    },
  },
  {
    name: 'intercept',
    value: 'MODULE',
    help: 'a JavaScript file whose before(call) and after(call) are asked about system calls',
    apply: (run, value) => {
      run.intercept.push(parseFile(value));
    },
  },
  {
    name: 'log',
    value: 'LEVEL',
    help: `messages of troupe itself on stderr: ${LOG_LEVELS.join(', ')}`,
    apply: (run, value) => {
      const level = LOG_LEVELS.find((l) => l === value);
      if (!level) throw new UsageError(`not a level; write one of ${LOG_LEVELS.join(', ')}`);
      run.kernel.logLevel = level;
    },
  },
  {
    name: 'help',
    help: 'print this',
    apply: (run) => {
      run.help = true;
    },
  },
];
