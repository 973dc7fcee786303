import { describe, expect, test } from '@jest/globals';
import { UsageError } from '../../../src/cli/args.js';
import {
  parseAbsolute,
  parseBind,
  parseCount,
  parseSeconds,
  parseSignal,
  parseSize,
  parseUser,
  parseVariable,
} from '../../../src/cli/values.js';

describe('parseSize', () => {
  test.each([
    ['65536', 65536],
    ['512M', 512 * 2 ** 20],
    ['2G', 2 * 2 ** 30],
    ['1.5g', 1.5 * 2 ** 30],
    ['64KiB', 65536],
  ])('%s', (value, bytes) => {
    expect(parseSize(value)).toBe(bytes);
  });

  test.each(['', 'M', '-1', '0', '12X', '1e3', '99999999999T'])('refuses %j', (value) => {
    expect(() => parseSize(value)).toThrow(UsageError);
  });
});

test('parseUser: the group is the number of the user when left out', () => {
  expect(parseUser('1000')).toEqual({ uid: 1000, gid: 1000 });
  expect(parseUser('0:5')).toEqual({ uid: 0, gid: 5 });
  for (const bad of ['', 'root', '1:', ':1', '4294967295', '-1'])
    expect(() => parseUser(bad)).toThrow(UsageError);
});

test('parseBind: read only unless said otherwise', () => {
  expect(parseBind('/a:/b')).toEqual({ source: '/a', target: '/b', readOnly: true });
  expect(parseBind('a:/b:ro')).toEqual({ source: 'a', target: '/b', readOnly: true });
  expect(parseBind('/a:/b:rw')).toEqual({ source: '/a', target: '/b', readOnly: false });
  for (const bad of ['/a', '/a:b', ':/b', '/a:/b:rx', '/a:/b:ro:rw'])
    expect(() => parseBind(bad)).toThrow(UsageError);
});

test('parseCount and parseSeconds take numbers above zero', () => {
  expect(parseCount('12')).toBe(12);
  expect(parseSeconds('0.5')).toBe(0.5);
  for (const bad of ['0', '-1', '1.5', 'x', '']) expect(() => parseCount(bad)).toThrow(UsageError);
  for (const bad of ['0', '-1', '1s', '']) expect(() => parseSeconds(bad)).toThrow(UsageError);
});

test('parseVariable splits at the first equals sign', () => {
  expect(parseVariable('A=b=c')).toEqual(['A', 'b=c']);
  expect(parseVariable('A=')).toEqual(['A', '']);
  for (const bad of ['A', '=b', '']) expect(() => parseVariable(bad)).toThrow(UsageError);
});

test('parseAbsolute refuses a relative path', () => {
  expect(parseAbsolute('/tmp')).toBe('/tmp');
  expect(() => parseAbsolute('tmp')).toThrow('must be an absolute path');
});

test('signals by name and number', () => {
  expect(['TERM', 'sigusr1', 'SIGRTMIN', 'RTMIN+3', '64'].map(parseSignal)).toEqual([15, 10, 34, 37, 64]);
  for (const wrong of ['', 'NOPE', '0', '65', 'RTMIN+31', '-9', '9x']) {
    expect(() => parseSignal(wrong)).toThrow(/no signal/);
  }
});
