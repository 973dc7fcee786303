/**
 * The `troupe` command: picks the subcommand and turns whatever goes wrong into one line on stderr and
 * a status. What a subcommand needs is imported by it alone: starting fast matters.
 */
import { readFileSync } from 'node:fs';
import { UsageError } from './args.js';
import { STATUS } from './exit-status.js';
import { leave } from './leave.js';
import { complain } from './output.js';

const USAGE = `Usage: troupe COMMAND …

  troupe run [options] [--] COMMAND [ARG…]   run a Linux program in a sandbox
  troupe ps [--json] [NAME]                  list the sandboxes that run with a --name, or what runs in one
  troupe exec [options] NAME [--] COMMAND …  run one more program in a sandbox
  troupe pause NAME; troupe resume NAME      freeze a sandbox; let it go on
  troupe signal NAME SIGNAL [PID]            send a signal to its command, or to a process of it
  troupe kill [--status N] NAME              end everything in it
  troupe save [options] NAME FILE            write it into a file, and let it go on (--stop: end it)
  troupe events [options] NAME               print what happens in it as lines of JSON
  troupe wait NAME                           wait for its end, and exit as it did
  troupe rm [--force] NAME                   forget a dead sandbox; with --force, end it first
  troupe restore [options] FILE              let a saved kernel go on
  troupe doctor [--json]                     say what this host offers, and what will be used
  troupe --version                           print the version
  troupe --help                              print this

troupe run --help lists the options.`;

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case 'run':
      return await (await import('./run.js')).run(rest);
    case 'ps':
    case 'exec':
    case 'pause':
    case 'resume':
    case 'signal':
    case 'kill':
    case 'save':
    case 'events':
    case 'wait':
    case 'rm':
      return await (await import('./sandbox.js')).sandbox(command, rest);
    case 'restore':
      return await (await import('./restore.js')).restore(rest);
    case 'doctor':
      return await (await import('./doctor.js')).doctor(rest);
    case '--version':
      console.log(version());
      return 0;
    case '--help':
    case '-h':
    case 'help':
      console.log(USAGE);
      return 0;
    case undefined:
      throw new UsageError('no command given; write troupe run -- COMMAND, or see troupe --help');
    default:
      throw new UsageError(
        `${command}: no such command; write troupe run -- ${command}, or see troupe --help`,
      );
  }
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version);
  return 'unknown';
}

/** Errors whose message says to a user what to do. */
const PLAIN: ReadonlySet<string> = new Set(['OptionsError', 'ControlError', 'KernelError']);

/** What a failure of troupe itself looks like to its user; the stack is for who asks for it. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof UsageError || PLAIN.has(error.name)) return error.message;
  if (process.env['TROUPE_STACK']) return error.stack ?? error.message;
  return `${error.message}; troupe doctor checks this host, TROUPE_STACK=1 shows where it failed`;
}

main(process.argv.slice(2))
  .catch((error: unknown) => {
    complain(explain(error));
    return STATUS.TROUPE_FAILED;
  })
  .then(leave);
