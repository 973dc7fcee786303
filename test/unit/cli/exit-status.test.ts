import { describe, expect, test } from '@jest/globals';
import { spawnFailure, statusOf } from '../../../src/cli/exit-status.js';

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

test('a command that is not there is 127, one that cannot be executed 126', () => {
  expect(spawnFailure('ENOENT', 'x').status).toBe(127);
  for (const code of ['EACCES', 'ENOEXEC', 'E2BIG', 'ENOTDIR', 'ELOOP', 'EIO']) {
    expect(spawnFailure(code, 'x').status).toBe(126);
  }
});

test('a bare name that is not found is advised about PATH, a path about the file', () => {
  expect(spawnFailure('ENOENT', 'nope').advice).toContain('PATH');
  expect(spawnFailure('ENOENT', './nope').advice).toContain('check the path');
});
