/** Shells, build tools and language runtimes: programs of many tasks (test/guest/scripts). */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';
import { expectSame } from './support/compare.js';
import { sayAbsent } from './support/compiler.js';
import { plainEnvironment, which } from './support/run.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('scripts');
const scripts = join(import.meta.dirname ?? join(process.cwd(), 'test/guest'), 'scripts');

/** Interpreter, its arguments, and what else the script calls. */
const SCRIPTS: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  'shell.bash': ['bash'],
  'job-control.bash': ['bash'],
  'fan-out.bash': ['bash'],
  'git.bash': ['bash'],
  'make.bash': ['bash'],
  'xz.bash': ['bash'],
  'shell.dash': ['dash'],
  'shell.zsh': ['zsh', '-f'],
  'shell.busybox': ['busybox', 'sh'],
  'processes.py': ['/usr/bin/python3'],
  'workers.mjs': [process.execPath],
  'processes.pl': ['perl'],
  'Threads.java': ['java'],
};
const ALSO_NEEDS: Readonly<Record<string, readonly string[]>> = {
  'git.bash': ['git'],
  'make.bash': ['make', 'gcc'],
  'xz.bash': ['xz'],
};

function absent(name: string): readonly string[] {
  const [command = ''] = SCRIPTS[name] ?? [];
  return [command, ...(ALSO_NEEDS[name] ?? [])].filter((c) => !which(c));
}

describe('scripts say the same natively and under troupe', () => {
  for (const [name, [command, ...args]] of Object.entries(SCRIPTS)) {
    const missing = absent(name);
    if (missing.length > 0) sayAbsent(missing.join(', '));
    (missing.length > 0 ? test.skip : test)(name, async () => {
      await expectSame(command, [...args, join(scripts, name)], { cwd: folder });
    });
  }

  const go = which('go');
  if (!go) sayAbsent('go');
  (go ? test : test.skip)('goroutines.go, built natively', async () => {
    const program = join(folder, 'goroutines');
    const env = {
      ...plainEnvironment(),
      CGO_ENABLED: '0',
      GOCACHE: join(folder, 'cache'),
      GOFLAGS: '-mod=mod',
    };
    execFileSync('go', ['build', '-o', program, join(scripts, 'goroutines.go')], { env, cwd: folder });
    await expectSame(program, [], { cwd: folder });
  });
});
