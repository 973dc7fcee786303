/** The options of the commands that concern a running sandbox. */

import type { EventType } from '../index.js';
import { flag, type OptionSpec, option, UsageError } from './args.js';
import { cwd, environment, help, type Started, terminal, user } from './common-options.js';
import { parseAbsolute, parseCount } from './values.js';

export interface SandboxRequest extends Started {
  json: boolean;
  force: boolean;
  status: number;
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

export type SandboxCommand =
  | 'ps'
  | 'exec'
  | 'pause'
  | 'resume'
  | 'signal'
  | 'kill'
  | 'save'
  | 'events'
  | 'wait'
  | 'rm';

type Option = OptionSpec<SandboxRequest>;

export function newSandboxRequest(): SandboxRequest {
  return {
    json: false,
    force: false,
    status: 137,
    spawn: {},
    env: {},
    terminal: false,
    save: { compress: false, stop: false },
    filter: {},
    help: false,
  };
}

const MAX_STATUS = 255;

const json: Option = flag('json', 'print JSON', (request) => {
  request.json = true;
});

const force: Option = flag('force', 'end everything in it first', (request) => {
  request.force = true;
});

const status: Option = option(
  'status',
  'N',
  'the exit status of all that ends by it (default: 137)',
  (request, value) => {
    if (!/^\d{1,3}$/.test(value) || Number(value) > MAX_STATUS) {
      throw new UsageError('not a status; write a number from 0 to 255');
    }
    request.status = Number(value);
  },
);

const save: readonly Option[] = [
  flag('compress', 'compress memory too: smaller, and slower', (request) => {
    request.save.compress = true;
  }),
  flag('stop', 'end it here, once it is saved', (request) => {
    request.save.stop = true;
  }),
];

const events: readonly Option[] = [
  option('types', 'LIST', 'only events of these types: syscall,exec,signalSent', ({ filter }, value) => {
    filter.types = value.split(',') as EventType[];
  }),
  option('pids', 'LIST', 'only events of these processes: 2,15', ({ filter }, value) => {
    filter.pids = value.split(',').map(parseCount);
  }),
  option(
    'syscalls',
    'FILTER',
    'only these system calls, as of --strace: %file,%process,read',
    ({ filter }, value) => {
      filter.syscalls = value;
    },
  ),
  option(
    'path',
    'PATH',
    'only events of this file, or of what is beneath it; may be given again',
    ({ filter }, value) => {
      filter.paths = [...(filter.paths ?? []), parseAbsolute(value)];
    },
  ),
  flag('lossless', 'drop nothing: the sandbox waits for who reads this', ({ filter }) => {
    filter.lossless = true;
  }),
];

/** By command. */
export const SANDBOX_OPTIONS: Readonly<Record<SandboxCommand, readonly Option[]>> = {
  ps: [json, help],
  exec: [...terminal, cwd('that of the sandbox'), environment, user, help],
  pause: [help],
  resume: [help],
  signal: [help],
  kill: [status, help],
  save: [...save, help],
  events: [...events, help],
  wait: [help],
  rm: [force, help],
};
