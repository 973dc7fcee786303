/** `troupe restore FILE`: lets a saved kernel go on, with the caller's streams, and ends as its first process. */
import { type OptionSpec, parseArgs, UsageError } from './args.js';
import { statusOf } from './exit-status.js';

interface RestoreRequest {
  sleepers: 'keep' | 'elapse';
  help: boolean;
}

const OPTIONS: readonly OptionSpec<RestoreRequest>[] = [
  {
    name: 'elapse',
    help: 'who sleeps has slept while the kernel was saved',
    apply: (into) => {
      into.sleepers = 'elapse';
    },
  },
  {
    name: 'help',
    help: 'print this',
    apply: (into) => {
      into.help = true;
    },
  },
];

export async function restore(args: readonly string[]): Promise<number> {
  const request: RestoreRequest = { sleepers: 'keep', help: false };
  const [file, ...more] = parseArgs(args, OPTIONS, request);
  if (request.help) {
    const { describeOptions } = await import('./args.js');
    console.log(`Usage: troupe restore [options] FILE\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (file === undefined || more.length > 0)
    throw new UsageError('restore takes one file: troupe restore FILE');
  const { Kernel } = await import('../index.js');
  const kernel = await Kernel.loadFrom(file, { stdio: 'inherit', sleepers: request.sleepers });
  try {
    const [first] = kernel.processes;
    const ended = first?.completed;
    await kernel.unpause();
    return ended ? statusOf(await ended) : 0;
  } finally {
    await kernel.close();
  }
}
