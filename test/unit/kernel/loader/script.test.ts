import { describe, expect, test } from '@jest/globals';
import { E } from '../../../../src/abi/errno.js';
import { bytesOf } from '../../../../src/base/bytes.js';
import { parseScript } from '../../../../src/kernel/loader/script.js';
import { fail } from '../../../../src/kernel/outcome.js';

const long = (n: number): string => '/'.padEnd(n, 'x');

describe('a "#!" line', () => {
  test.each([
    ['#!/bin/sh\n', '/bin/sh', undefined],
    ['#!  /bin/sh  \n', '/bin/sh', undefined],
    ['#!\t/usr/bin/env\tpython3 -u \t\nprint()', '/usr/bin/env', 'python3 -u'],
    ['#!/bin/sh -e\r\n', '/bin/sh', '-e\r'],
    ['#!/bin/sh', '/bin/sh', undefined],
    ['#!/bin/sh\0-x\n', '/bin/sh', undefined],
    ['#!relative arg\n', 'relative', 'arg'],
    [`#!${long(253)}\n`, long(253), undefined],
    [`#!/bin/sh ${long(400)}`, '/bin/sh', long(400).slice(0, 255 - 10)],
  ])('%j', (text, interpreter, argument) => {
    expect(parseScript(bytesOf(text).subarray(0, 256))).toEqual({ interpreter, argument });
  });

  test.each([
    ['nothing', '#!\n'],
    ['blanks only', '#!  \t \n'],
    ['blanks to the end', `#!${' '.repeat(300)}`],
    ['a name that may be cut off', `#!${long(300)}`],
    ['a name that ends after the line is cut', `#!${long(254)}\n`],
  ])('with %s fails with ENOEXEC', (_name, text) => {
    expect(parseScript(bytesOf(text).subarray(0, 256))).toBe(fail(E.ENOEXEC));
  });
});
