/** The log: who speaks in it, and at which level. */
import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

interface Line {
  readonly actor: string;
  readonly msg: string;
  readonly pid?: number;
  readonly tid?: number;
  readonly name?: string;
  readonly why?: string;
}

/** What is logged at this level while a shell runs a program. */
function linesAt(level: string): Line[] {
  const script = `
    import { Kernel } from 'troupe';
    const kernel = await Kernel.boot({ shards: 1, logLevel: ${JSON.stringify(level)} });
    await kernel.createProcess({ argv: ['/bin/sh', '-c', '/bin/true; true'], stdio: 'ignore' })
      .then((shell) => shell.completed);
    await kernel.close();`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
  expect(status).toBe(0);
  const text = stderr.toString().trimEnd();
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line));
}

test('at level info the kernel speaks, and no task', () => {
  const lines = linesAt('info');
  expect(lines.map((l) => l.msg)).toContain('EXEC');
  expect(lines.filter((l) => l.actor.startsWith('task'))).toEqual([]);
});

test('at level debug each task tells by a logger of its own how it begins and ends, and no call', () => {
  const lines = linesAt('debug');
  const said = new Map<string, string[]>();
  for (const { actor, msg, pid, tid } of lines) {
    if (!actor.startsWith('task')) continue;
    expect([actor, pid]).toEqual([`task${tid}`, tid]);
    said.set(actor, [...(said.get(actor) ?? []), msg]);
  }
  expect(said.size).toBe(2);
  for (const [, messages] of said) {
    expect(messages).toContain('exec');
    expect(messages.at(-1)).toBe('taskExit');
  }
  expect(new Set(lines.map((l) => l.actor))).toContain('kernel');
});

test('system calls are there at level trace only, each by the logger of its task', () => {
  const calls = linesAt('trace').filter((l) => l.msg === 'system call');
  expect(new Set(calls.map((l) => l.actor)).size).toBe(2);
  for (const { actor, tid } of calls) expect(actor).toBe(`task${tid}`);
  expect(calls.map((l) => l.name)).toContain('execve');
  expect(linesAt('debug').filter((l) => l.msg === 'system call')).toEqual([]);
});
