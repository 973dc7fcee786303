/** `troupe restore FILE`: lets a saved kernel go on, with the caller's streams, and ends as its first process. */

import { MISSING_KINDS, type MissingKind } from '../base/missing.js';
import type { ControlServer, Kernel, Process } from '../index.js';
import { describeOptions, flag, type OptionSpec, option, parseArgs, UsageError } from './args.js';
import { help, name } from './common-options.js';
import { complete, stopSoon } from './complete.js';
import { shown } from './progress.js';

interface RestoreRequest {
  sleepers: 'keep' | 'elapse';
  dropMissing: MissingKind[];
  name: string | undefined;
  help: boolean;
}

const OPTIONS: readonly OptionSpec<RestoreRequest>[] = [
  name,
  flag('elapse', 'who sleeps has slept while the kernel was saved', (into) => {
    into.sleepers = 'elapse';
  }),
  option(
    'drop-missing',
    '[=KINDS]',
    'go on without what is gone: files, streams, cpu (default: the first two)',
    (into, value) => {
      into.dropMissing = value === '' ? ['files', 'streams'] : value.split(',').map(parseMissing);
    },
  ),
  help,
];

export async function restore(args: readonly string[]): Promise<number> {
  const request: RestoreRequest = { sleepers: 'keep', dropMissing: [], name: undefined, help: false };
  const [file, ...more] = parseArgs(args, OPTIONS, request);
  if (request.help) {
    console.log(`Usage: troupe restore [options] FILE\n\nOptions:\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (file === undefined || more.length > 0)
    throw new UsageError('restore takes one file: troupe restore FILE');
  const { Kernel } = await import('../index.js');
  const { sleepers, dropMissing } = request;
  const kernel = await shown('loading', (onProgress) =>
    Kernel.loadFrom(file, { stdio: 'inherit', sleepers, dropMissing, onProgress }),
  );
  const [first] = kernel.processes;
  let control: ControlServer | undefined;
  try {
    if (!first) {
      await kernel.unpause();
      return 0;
    }
    return await complete(first, undefined, async () => {
      if (request.name !== undefined) control = await openControl(request.name, kernel, first);
      await kernel.unpause();
      return control;
    });
  } finally {
    await stopSoon(kernel);
    await control?.farewell();
  }
}

function parseMissing(value: string): MissingKind {
  const kind = MISSING_KINDS.find((k) => k === value);
  if (!kind)
    throw new UsageError(`${value}: nothing that can be missing; write some of ${MISSING_KINDS.join(',')}`);
  return kind;
}

async function openControl(name: string, kernel: Kernel, main: Process): Promise<ControlServer> {
  const { ControlServer } = await import('../index.js');
  const leader = (await kernel.taskSet()).find((task) => task.tid === main.pid);
  return await ControlServer.open({ name, kernel, main, command: [leader?.comm ?? ''] });
}
