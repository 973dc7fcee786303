/** Options that several commands have, and mean the same by. */
import type { User } from '../options.js';
import { flag, type OptionSpec, option } from './args.js';
import { parseAbsolute, parseUser, parseVariable } from './values.js';

export const help: OptionSpec<{ help: boolean }> = flag('help', 'print this', (into) => {
  into.help = true;
});

/** What the sandbox is called for other processes of this user. */
export const name: OptionSpec<{ name: string | undefined }> = option(
  'name',
  'NAME',
  'what troupe ps, pause, exec and others call the sandbox while it runs',
  (into, value) => {
    into.name = value;
  },
);

/** A command that is to be started. */
export interface Started {
  readonly spawn: { cwd?: string | undefined; user?: User | undefined };
  /** Laid over the default environment. */
  readonly env: Record<string, string>;
  /** It gets a terminal of its own, shown on the caller's. */
  terminal: boolean;
}

export const terminal: readonly OptionSpec<Started>[] = [
  flag(
    'interactive',
    'pass standard input to the command (it always is; for the habit of writing -it)',
    () => {},
    'i',
  ),
  flag(
    'tty',
    'give the command a terminal of its own, shown on yours: shells, editors, job control',
    (into) => {
      into.terminal = true;
    },
    't',
  ),
];

export const cwd = (otherwise: string): OptionSpec<Started> =>
  option('cwd', 'DIR', `working directory in the sandbox (default: ${otherwise})`, (into, value) => {
    into.spawn.cwd = parseAbsolute(value);
  });

export const environment: OptionSpec<Started> = option(
  'env',
  'NAME=VALUE',
  'set a variable; otherwise only PATH, HOME, TERM and LANG are passed on',
  (into, value) => {
    const [variable, content] = parseVariable(value);
    into.env[variable] = content;
  },
);

export const user: OptionSpec<Started> = option(
  'user',
  'UID[:GID]',
  'run as this user (default: yours); needs no such user on the host',
  (into, value) => {
    into.spawn.user = parseUser(value);
  },
);
