/**
 * Programs that are saved at moments nobody chose, and go on in another process as if nothing had been:
 * their output is that of an undisturbed run. TROUPE_SAVE_MOMENTS=50 is the whole proof, TROUPE_SEED another one.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Kernel } from 'troupe';
import { sayAbsent } from './support/compiler.js';
import { plainEnvironment, which } from './support/run.js';
import { goOnElsewhere, Output, seeded } from './support/saved.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('moments');
const scripts = join(import.meta.dirname ?? join(process.cwd(), 'test/guest'), 'scripts');
const PYTHON = '/usr/bin/python3';
const MOMENTS = Number(process.env['TROUPE_SAVE_MOMENTS'] ?? 2);
const SEED = Number(process.env['TROUPE_SEED'] ?? 1);

interface Program {
  readonly needs: string;
  command(): readonly [string, ...string[]];
}

const shell = (script: string) => (): [string, ...string[]] => ['bash', '-c', script];
const PROGRAMS: Readonly<Record<string, Program>> = {
  'python with threads': { needs: PYTHON, command: () => [PYTHON, join(scripts, 'threads.py')] },
  'a transaction of sqlite': { needs: PYTHON, command: () => [PYTHON, join(scripts, 'transaction.py')] },
  'a pipeline of bash': {
    needs: 'bash',
    command: shell('seq 200000 | tr 0-9 b-k | sort -r | gzip -1 | zcat | md5sum; sleep 0.2; echo end'),
  },
  'xz compressing': {
    needs: 'xz',
    command: shell('head -c 5000000 /usr/bin/python3 | xz -2 -T2 | xz -d | md5sum'),
  },
  'a Go program': { needs: 'go', command: () => [goroutines()] },
  node: { needs: 'sh', command: () => [process.execPath, join(scripts, 'workers.mjs')] },
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const boot = (): Promise<Kernel> => Kernel.boot({ shards: 1, logLevel: 'error' });

for (const [name, { needs, command }] of Object.entries(PROGRAMS)) {
  const there = needs.startsWith('/') ? existsSync(needs) : which(needs);
  if (!there) sayAbsent(needs);
  (there ? test : test.skip)(
    name,
    async () => {
      const [program, ...args] = command();
      const expected = await undisturbed(program, args);
      const random = seeded(SEED);
      for (let i = 0; i < MOMENTS; i++) {
        const moment = random() * expected.took;
        const { output, code } = await disturbed(program, args, moment, join(folder, `${i}`));
        const { output: wanted, code: wantedCode } = expected;
        expect({ moment, output, code }).toEqual({ moment, output: wanted, code: wantedCode });
      }
    },
    60_000 + MOMENTS * 30_000,
  );
}

async function undisturbed(program: string, args: readonly string[]) {
  const kernel = await boot();
  try {
    const guest = kernel.spawn(program, args);
    const output = new Output(guest);
    const start = performance.now();
    const { exitCode: code } = await guest.completed;
    return { took: performance.now() - start, output: await output.all(), code };
  } finally {
    await kernel.close();
  }
}

async function disturbed(program: string, args: readonly string[], moment: number, file: string) {
  const kernel = await boot();
  try {
    const guest = kernel.spawn(program, args);
    const before = new Output(guest);
    await new Promise((resolve) => guest.once('spawn', resolve));
    await sleep(moment);
    await kernel.pause();
    await kernel.saveTo(file);
    const ended = kernel.processes.length === 0;
    await kernel.close();
    const text = await before.all();
    if (ended) return { output: text, code: guest.exitCode };
    const after = await goOnElsewhere(file);
    return { output: text + after.output, code: after.code };
  } finally {
    await kernel.close();
  }
}

function goroutines(): string {
  const program = join(folder, 'goroutines');
  if (existsSync(program)) return program;
  const env = {
    ...plainEnvironment(),
    CGO_ENABLED: '0',
    GOCACHE: join(folder, 'cache'),
    GOFLAGS: '-mod=mod',
  };
  execFileSync('go', ['build', '-o', program, join(scripts, 'goroutines.go')], { env, cwd: folder });
  return program;
}
