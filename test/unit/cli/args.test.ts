import { describe, expect, test } from '@jest/globals';
import {
  choice,
  describeOptions,
  flag,
  type OptionSpec,
  option,
  parseArgs,
  UsageError,
} from '../../../src/cli/args.js';

interface Request {
  seen: string[];
}

const note = (name: string) => (into: Request, value: string) => {
  into.seen.push(`${name}=${value}`);
};

const SPECS: readonly OptionSpec<Request>[] = [
  option('cwd', 'DIR', 'where', note('cwd')),
  option('strace', '[=FILTER]', 'what', note('strace')),
  flag('json', 'how', (into) => note('json')(into, ''), 'j'),
  flag('keep', 'what stays', (into) => note('keep')(into, ''), 'k'),
  choice('size', 'SIZE', 'one of %', { kind: 'size', words: ['small', 'large'], apply: note('size') }),
  option('bad', 'X', 'never right', () => {
    throw new UsageError('wrong');
  }),
];

function parse(...args: string[]): { operands: string[]; seen: string[] } {
  const into: Request = { seen: [] };
  return { operands: parseArgs(args, SPECS, into), seen: into.seen };
}

describe('parseArgs', () => {
  test('an option takes its value from the next word or after an equals sign', () => {
    expect(parse('--cwd', '/a', '--cwd=/b')).toEqual({ operands: [], seen: ['cwd=/a', 'cwd=/b'] });
  });

  test('letters may share a dash', () => {
    expect(parse('-jk', '-k', 'ls', '-j')).toEqual({
      operands: ['ls', '-j'],
      seen: ['json=', 'keep=', 'keep='],
    });
    expect(() => parse('-jq')).toThrow('unknown option -q');
  });

  test('options end at the first operand: what follows belongs to the command', () => {
    expect(parse('--json', 'ls', '--json', '-l')).toEqual({
      operands: ['ls', '--json', '-l'],
      seen: ['json='],
    });
  });

  test('two dashes end the options and vanish; a second pair is an operand', () => {
    expect(parse('--json', '--', '--cwd', '--')).toEqual({ operands: ['--cwd', '--'], seen: ['json='] });
  });

  test('a choice takes one of its words, and lists them', () => {
    expect(parse('--size', 'large').seen).toEqual(['size=large']);
    expect(() => parse('--size', 'huge')).toThrow('--size huge: not a size; write one of small, large');
    expect(describeOptions(SPECS)).toContain('--size SIZE');
    expect(describeOptions(SPECS)).toContain('one of small, large');
  });

  test('a single dash is an operand', () => {
    expect(parse('-', '--json').operands).toEqual(['-', '--json']);
  });

  test('a value that may be left out never takes the next word', () => {
    expect(parse('--strace', 'ls')).toEqual({ operands: ['ls'], seen: ['strace='] });
    expect(parse('--strace=%file', 'ls')).toEqual({ operands: ['ls'], seen: ['strace=%file'] });
  });

  test('a value may hold equals signs and be empty', () => {
    expect(parse('--cwd=a=b', '--cwd=').seen).toEqual(['cwd=a=b', 'cwd=']);
  });

  test('what is wrong is said with the name of the option', () => {
    expect(() => parse('--nope')).toThrow('unknown option --nope; --help lists them');
    expect(() => parse('-x')).toThrow('unknown option -x');
    expect(() => parse('--cwd')).toThrow('--cwd needs a value: --cwd DIR');
    expect(() => parse('--json=1')).toThrow('--json takes no value');
    expect(() => parse('--bad', 'v')).toThrow('--bad v: wrong');
  });
});

test('describeOptions lines up the help', () => {
  expect(describeOptions(SPECS).split('\n').slice(0, 3)).toEqual([
    '  --cwd DIR          where',
    '  --strace[=FILTER]  what',
    '  -j, --json         how',
  ]);
});
