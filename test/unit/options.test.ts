import { describe, expect, test } from '@jest/globals';
import { defaultEnv, OptionsError, parseKernelOptions, parseSpawnOptions } from '../../src/options.js';

describe('kernel options', () => {
  test('none, undefined and undefined members are fine', () => {
    expect(parseKernelOptions(undefined)).toEqual({});
    expect(parseKernelOptions({ rootfs: undefined })).toEqual({ rootfs: undefined });
  });

  test('whole ones pass unchanged', () => {
    const options = {
      rootfs: '/srv/root',
      binds: [{ source: '/a', target: '/b', readOnly: true }],
      tmpfs: ['/scratch'],
      hostname: 'h',
      cores: 2,
      memory: 512 * 2 ** 20,
      pids: 100,
      strace: { filter: '%file', sink: 'stderr' },
      logLevel: 'debug',
    };
    expect(parseKernelOptions(options)).toEqual(options);
  });

  test.each([
    [{ cores: 0 }, 'cores: must be at least 1'],
    [{ cores: 1.5 }, 'cores: must be a whole number'],
    [{ memory: 1 }, 'memory: must be at least 16777216'],
    [{ tmpfs: ['scratch'] }, 'tmpfs.0: must be an absolute path, like /data'],
    [{ binds: [{ source: '/a', target: 'b', readOnly: true }] }, 'binds.0.target: must be an absolute path'],
    [{ rootfs: 'a\0b' }, 'rootfs: must not contain a NUL character'],
    [{ hostname: '' }, 'hostname: must not be empty'],
    [{ logLevel: 'loud' }, 'logLevel: must be one of trace'],
    [{ core: 1 }, 'core: unknown option; known: rootfs, binds'],
  ])('%j is refused by name', (options, message) => {
    expect(() => parseKernelOptions(options)).toThrow(OptionsError);
    expect(() => parseKernelOptions(options)).toThrow(message);
  });
});

describe('spawn options', () => {
  test('whole ones pass, the signal as it is', () => {
    const { signal } = new AbortController();
    const options = {
      cwd: '/tmp',
      env: { A: 'b', EMPTY: '' },
      user: { uid: 1000, gid: 1000 },
      stdio: ['pipe', 'inherit', 'ignore', 7],
      timeout: 0.5,
      signal,
      argv0: 'x',
    };
    expect(parseSpawnOptions(options)).toEqual(options);
    expect(parseSpawnOptions(options).signal).toBe(signal);
  });

  test.each([
    [{ cwd: 'tmp' }, 'cwd: must be an absolute path'],
    [{ env: { 'A=B': 'c' } }, "a variable's name must not contain '='"],
    [{ env: { A: 1 } }, 'env.A: must be a string'],
    [{ user: { uid: -1, gid: 0 } }, 'user.uid: must be at least 0'],
    [{ stdio: 'out' }, "stdio: must be 'inherit', 'pipe', 'ignore', 'pty' or an array"],
    [{ timeout: 0 }, 'timeout: must be above 0'],
    [{ signal: {} }, 'signal: must be an AbortSignal'],
  ])('%j is refused by name', (options, message) => {
    expect(() => parseSpawnOptions(options)).toThrow(message);
  });
});

test('the default environment holds four variables at most, and no secrets', () => {
  expect(defaultEnv({ PATH: '/bin', HOME: '/root', TOKEN: 'x' })).toEqual({ PATH: '/bin', HOME: '/root' });
});
