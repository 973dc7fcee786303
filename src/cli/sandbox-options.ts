/** The options of the commands that concern a running sandbox. */

import type { EventType } from '../index.js';
import type { OptionSpec } from './args.js';
import { UsageError } from './args.js';
import { parseAbsolute, parseCount, parseUser, parseVariable } from './values.js';

export interface SandboxRequest {
  json: boolean;
  force: boolean;
  status: number;
  cwd: string | undefined;
  user: { uid: number; gid: number } | undefined;
  readonly env: Record<string, string>;
  readonly save: { compress: boolean; stop: boolean };
  readonly filter: {
    types?: EventType[];
    pids?: number[];
    syscalls?: string;
    paths?: string[];
    lossless?: boolean;
  };
  help: boolean;
}

export function newSandboxRequest(): SandboxRequest {
  return {
    json: false,
    force: false,
    status: 137,
    cwd: undefined,
    user: undefined,
    env: {},
    save: { compress: false, stop: false },
    filter: {},
    help: false,
  };
}

const MAX_STATUS = 255;

const help: OptionSpec<SandboxRequest> = {
  name: 'help',
  help: 'print this',
  apply: (request) => {
    request.help = true;
  },
};

const json: OptionSpec<SandboxRequest> = {
  name: 'json',
  help: 'print JSON',
  apply: (request) => {
    request.json = true;
  },
};

const force: OptionSpec<SandboxRequest> = {
  name: 'force',
  help: 'end everything in it first',
  apply: (request) => {
    request.force = true;
  },
};

const status: OptionSpec<SandboxRequest> = {
  name: 'status',
  value: 'N',
  help: 'the exit status of all that ends by it (default: 137)',
  apply: (request, value) => {
    if (!/^\d{1,3}$/.test(value) || Number(value) > MAX_STATUS) {
      throw new UsageError('not a status; write a number from 0 to 255');
    }
    request.status = Number(value);
  },
};

const exec: readonly OptionSpec<SandboxRequest>[] = [
  {
    name: 'cwd',
    value: 'DIR',
    help: 'working directory in the sandbox',
    apply: (request, value) => {
      request.cwd = parseAbsolute(value);
    },
  },
  {
    name: 'env',
    value: 'NAME=VALUE',
    help: 'set a variable; otherwise only PATH, HOME, TERM and LANG are passed on',
    apply: (request, value) => {
      const [name, content] = parseVariable(value);
      request.env[name] = content;
    },
  },
  {
    name: 'user',
    value: 'UID[:GID]',
    help: 'run as this user (default: yours)',
    apply: (request, value) => {
      request.user = parseUser(value);
    },
  },
];

const save: readonly OptionSpec<SandboxRequest>[] = [
  {
    name: 'compress',
    help: 'compress memory too: smaller, and slower',
    apply: (request) => {
      request.save.compress = true;
    },
  },
  {
    name: 'stop',
    help: 'end it here, once it is saved',
    apply: (request) => {
      request.save.stop = true;
    },
  },
];

const events: readonly OptionSpec<SandboxRequest>[] = [
  {
    name: 'types',
    value: 'LIST',
    help: 'only events of these types: syscall,exec,signalSent',
    apply: (request, value) => {
      request.filter.types = value.split(',') as EventType[];
    },
  },
  {
    name: 'pids',
    value: 'LIST',
    help: 'only events of these processes: 2,15',
    apply: (request, value) => {
      request.filter.pids = value.split(',').map(parseCount);
    },
  },
  {
    name: 'syscalls',
    value: 'FILTER',
    help: 'only these system calls, as of --strace: %file,%process,read',
    apply: (request, value) => {
      request.filter.syscalls = value;
    },
  },
  {
    name: 'path',
    value: 'PATH',
    help: 'only events of this file, or of what is beneath it; may be given again',
    apply: (request, value) => {
      request.filter.paths = [...(request.filter.paths ?? []), parseAbsolute(value)];
    },
  },
  {
    name: 'lossless',
    help: 'drop nothing: the sandbox waits for who reads this',
    apply: (request) => {
      request.filter.lossless = true;
    },
  },
];

/** By command. */
export const SANDBOX_OPTIONS = {
  ps: [json, help],
  exec: [...exec, help],
  pause: [help],
  resume: [help],
  signal: [help],
  kill: [status, help],
  save: [...save, help],
  events: [...events, help],
  wait: [help],
  rm: [force, help],
} as const satisfies Record<string, readonly OptionSpec<SandboxRequest>[]>;

export type SandboxCommand = keyof typeof SANDBOX_OPTIONS;
