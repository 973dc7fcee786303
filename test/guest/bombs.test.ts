/** Programs that multiply meet --pids with EAGAIN, and end at --timeout with everything they started. */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { sayAbsent } from './support/compiler.js';
import { CLI, plainEnvironment, run, troupe, which } from './support/run.js';

const scripts = join(import.meta.dirname ?? join(process.cwd(), 'test/guest'), 'scripts');
const PIDS = 60;

describe('bombs', () => {
  const perl = which('perl');
  if (!perl) sayAbsent('perl');
  (perl ? test : test.skip)('of processes', async () => {
    const options = ['--pids', String(PIDS), '--timeout', '6'];
    const result = await troupe(options, ['perl', join(scripts, 'fork-bomb.pl')]);
    expect(result).toMatchObject({ status: 124, timedOut: false, leftovers: [] });
    const said = result.stdout.toString().trimEnd().split('\n');
    expect(new Set(said)).toEqual(new Set(['EAGAIN']));
    expect(said.length).toBeLessThanOrEqual(PIDS);
  });

  const python = which('/usr/bin/python3');
  if (!python) sayAbsent('python3');
  (python ? test : test.skip)('of mappings', async () => {
    // A small heap, so that it is a matter of some tens of processes.
    const env = { ...plainEnvironment(), NODE_OPTIONS: '--max-old-space-size=64' };
    const command = ['/usr/bin/python3', join(scripts, 'mapping-bomb.py')];
    const result = await troupe(['--timeout', '40'], command, { env });
    expect(result).toMatchObject({ status: 0, timedOut: false, leftovers: [] });
    expect(result.stdout.toString()).toBe('ENOMEM\n0\n');
  });

  (python ? test : test.skip)('of descriptors of the host', async () => {
    const program = ['/usr/bin/python3', join(scripts, 'descriptor-bomb.py')];
    const limited = ['-c', 'ulimit -n 400; exec "$@"', 'sh', process.execPath, CLI, 'run'];
    const result = await run('/bin/sh', [...limited, '--timeout', '40', '--', ...program]);
    expect(result).toMatchObject({ status: 0, timedOut: false, leftovers: [] });
    expect(result.stdout.toString()).toBe('ENOMEM\nEAGAIN\n0\n');
  });

  (python ? test : test.skip)('of threads', async () => {
    const options = ['--pids', String(PIDS), '--timeout', '6'];
    const result = await troupe(options, ['/usr/bin/python3', join(scripts, 'thread-bomb.py')]);
    expect(result).toMatchObject({ status: 124, timedOut: false, leftovers: [] });
    expect(result.stdout.toString()).toBe("can't start new thread\n");
  });
});
