import { describe, expect, test } from '@jest/globals';
import { type StartFailure, spawnFailure, statusOf } from '../../../src/cli/exit-status.js';

const ended = { exitCode: null, signal: null, timedOut: false };

describe('statusOf', () => {
  test("is the guest's own status", () => {
    expect(statusOf({ ...ended, exitCode: 0 })).toBe(0);
    expect(statusOf({ ...ended, exitCode: 255 })).toBe(255);
  });

  test('is 128 and the number of the signal that ended the guest', () => {
    expect(statusOf({ ...ended, signal: 'SIGKILL' })).toBe(137);
    expect(statusOf({ ...ended, signal: 'SIGSEGV' })).toBe(139);
    expect(statusOf({ ...ended, signal: 'SIGRTMIN+1' })).toBe(163);
  });

  test('is 124 after a timeout, whatever the guest died of', () => {
    expect(statusOf({ exitCode: null, signal: 'SIGKILL', timedOut: true })).toBe(124);
  });
});

const failure = (code: string, obstacle: StartFailure['obstacle'] = 'command'): StartFailure => ({
  code,
  obstacle,
  message: 'what happened',
});

test('a command that is not there is 127, one that cannot be executed 126', () => {
  expect(spawnFailure(failure('ENOENT'), 'x').status).toBe(127);
  for (const code of ['EACCES', 'ENOEXEC', 'E2BIG', 'ENOTDIR', 'ELOOP', 'EIO']) {
    expect(spawnFailure(failure(code), 'x').status).toBe(126);
  }
});

test('a bare name that is not found is advised about PATH, a path about the file', () => {
  expect(spawnFailure(failure('ENOENT'), 'nope').line).toContain('PATH');
  expect(spawnFailure(failure('ENOENT'), './nope').line).toContain('check the path');
});

test('a working directory or a sandbox that cannot be had is a failure of troupe: 125', () => {
  expect(spawnFailure(failure('ENOENT', 'cwd'), 'x')).toEqual({
    status: 125,
    line: 'what happened; choose another with --cwd',
  });
  expect(spawnFailure(failure('EIO', 'sandbox'), 'x')).toMatchObject({ status: 125 });
});
