/** The commands of this machine say the same natively and under troupe. */
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type Comparison, expectSame } from './support/compare.js';
import { sayAbsent } from './support/compiler.js';
import { CLI, plainEnvironment, run, which } from './support/run.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('commands');
const file = (name: string, content: string | Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const noise = file('noise', randomFillSync(Buffer.alloc(8_000_000)));
const lines = file('lines', numbers(200_000));
const words = file('words', 'the quick brown fox\njumps over\nthe lazy dog\n'.repeat(1_000));
const gzipped = join(folder, 'lines.gz');
writeFileSync(gzipped, execFileSync('gzip', ['-c', lines], { maxBuffer: 1e8 }));
const script = file('script.sh', '#!/bin/sh\necho "script $0 $# $1"\nexit 3\n');
chmodSync(script, 0o755);
const database = join(folder, 'data.db');

interface Case extends Comparison {
  readonly name?: string;
  readonly argv: readonly [string, ...string[]];
}

const PYTHON = '/usr/bin/python3';
const SQL = 'create table t(a,b); insert into t values(1,"x"),(2,"y"); select sum(a),group_concat(b) from t;';

const CASES: readonly Case[] = [
  { argv: ['/bin/true'] },
  { argv: ['/bin/false'] },
  { argv: ['echo', 'hello', 'wörld', '', '  two  spaces'] },
  { argv: ['printf', '%s\\n', 'a', 'b'] },
  { argv: ['ls', '-la', '/usr/bin'] },
  { argv: ['ls', '-lan', '/etc'] },
  { argv: ['ls', '/nonexistent'] },
  { argv: ['cat', '/etc/os-release'] },
  { argv: ['cat'], input: 'from standard input\n' },
  { argv: ['cat', noise] },
  { argv: ['head', '-c', '1000', '/dev/zero'] },
  { argv: ['wc', lines, words] },
  { argv: ['sha256sum', noise] },
  { argv: ['grep', '-rc', 'include', '/usr/include/linux'] },
  { argv: ['grep', '-n', 'fox', words] },
  { argv: ['find', '/usr/share/doc', '-name', '*.gz'] },
  { argv: ['find', '/etc', '-type', 'l', '-printf', '%p %l\\n'] },
  { name: 'sort, one thread', argv: ['sort', '--parallel=1', lines] },
  { name: 'sort, threads', argv: ['sort', '-n', lines] },
  { argv: ['uniq', '-c', words] },
  { argv: ['gzip', '-c', '-n', lines] },
  { argv: ['gunzip', '-c', gzipped], name: 'gunzip is a script: exec of one program by another' },
  { argv: ['gzip', '-dc', gzipped] },
  { argv: ['tar', 'c', '/etc'] },
  { argv: ['awk', '{ n += $1 } END { print n, NR }', lines] },
  { argv: ['sed', '-n', 's/fox/cat/p', words] },
  { argv: ['bc', '-l'], input: 'scale=50\n4*a(1)\n2^200\n' },
  {
    argv: [
      'perl',
      '-e',
      'my %h; $h{$_ % 7}++ for 1..1000; print join(",", map {"$_=$h{$_}"} sort keys %h), "\\n"',
    ],
  },
  { argv: ['perl', '-e', 'exit 7'] },
  { argv: [PYTHON, '-c', 'import json; print(json.dumps({"a": [1, 2.5, None, "x"]}, sort_keys=True))'] },
  { argv: [PYTHON, '-c', 'import hashlib; print(hashlib.sha256(b"x" * 100000).hexdigest())'] },
  { argv: [PYTHON, '-c', 'import re; print(re.sub(r"(\\w+) (\\w+)", r"\\2 \\1", "hello world"))'] },
  {
    argv: [
      PYTHON,
      '-c',
      'import sqlite3; d = sqlite3.connect(":memory:"); d.execute("create table t(a)"); ' +
        'd.executemany("insert into t values(?)", [(i,) for i in range(1000)]); ' +
        'print(d.execute("select sum(a) from t").fetchone())',
    ],
  },
  {
    argv: [
      PYTHON,
      '-c',
      `import sqlite3; d = sqlite3.connect("${join(folder, 'py.db')}"); d.execute("create table t(a)"); ` +
        'd.execute("insert into t values(42)"); d.commit(); print(d.execute("select a from t").fetchall())',
    ],
  },
  { argv: [PYTHON, '-c', 'import sys; sys.exit("no")'] },
  { argv: ['sqlite3', ':memory:', SQL] },
  { argv: ['sqlite3', database, SQL] },
  { argv: ['git', '--version'] },
  { argv: ['openssl', 'dgst', '-sha512', noise] },
  {
    argv: ['openssl', 'enc', '-aes-256-ctr', '-K', '11'.repeat(32), '-iv', '22'.repeat(16), '-in', lines],
  },
  { name: 'a script with #!', argv: [script, 'argument'] },
  { argv: ['busybox', 'seq', '1', '1000'] },
  { argv: ['busybox', 'ls', '-la', '/etc'] },
  { argv: ['busybox', 'sha1sum', noise] },
  { argv: ['busybox', 'sort', '-r', words] },
  { argv: ['busybox', 'awk', 'NR % 100 == 0', words] },
  { argv: ['busybox', 'gzip', '-dc', gzipped] },
  { argv: ['busybox', 'false'] },
  { argv: ['env'] },
  { argv: ['pwd'], cwd: folder },
  { argv: ['id'] },
  { argv: ['dd', `if=${noise}`, 'bs=64k', 'skip=3', 'count=5', 'status=none'] },
  { argv: ['stat', '-c', '%n %s %f %u %g %h %i %Y', '/etc/passwd', '/usr/bin'] },
  { argv: ['stat', '-c', '%n %s %f %t %T', '/dev/null', '/dev/zero', '/dev/urandom'] },
  { argv: ['readlink', '-f', '/usr/bin/awk'] },
  { argv: ['cmp', lines, words] },
  { argv: ['test', '-d', '/etc'] },
];

describe('natively and under troupe', () => {
  for (const { name, argv, ...comparison } of CASES) {
    const [command, ...args] = argv;
    const present = which(command) !== undefined;
    if (!present) sayAbsent(command);
    (present ? test : test.skip)(name ?? argv.join(' ').slice(0, 80), async () => {
      await expectSame(command, args, { cwd: folder, ...comparison });
    });
  }

  const git = which('git');
  (git ? test : test.skip)('git log of a repository bound in', async () => {
    const repository = join(folder, 'repository');
    mkdirSync(repository);
    const identity = ['-c', 'user.name=Tester', '-c', 'user.email=tester@localhost'];
    const quiet = { cwd: repository, env: plainEnvironment(), stdio: 'ignore' } as const;
    execFileSync('git', ['init', '-q'], quiet);
    for (let n = 0; n < 5; n++) {
      writeFileSync(join(repository, `file${n}`), `content ${n}\n`);
      execFileSync('git', ['add', '.'], quiet);
      execFileSync('git', [...identity, 'commit', '-q', '-m', `change ${n}`], quiet);
    }
    await expectSame('git', ['-C', '/repository', 'log', '--stat', '--no-color'], {
      sandbox: ['--bind', `${repository}:/repository:ro`],
      nativeArgs: ['-C', repository, 'log', '--stat', '--no-color'],
    });
  });
});

describe('standard streams', () => {
  test('a pipeline of the shell with troupe in its middle', async () => {
    const line = 'set -o pipefail; seq 1 100000 | "$0" "$1" run -- sort -rn | head -3; echo $?';
    const result = await run('bash', ['-c', line, process.execPath, CLI]);
    // SIGPIPE is what sort gets for writing to a pipe that nobody reads any more.
    expect(result).toMatchObject({ status: 0, leftovers: [] });
    expect(result.stdout.toString()).toBe('100000\n99999\n99998\n141\n');
  });

  test('files as standard input and output', async () => {
    const line =
      '"$0" "$1" run -- tr a-z A-Z < words > capitals; tr a-z A-Z < words | cmp - capitals && echo same';
    const result = await run('bash', ['-c', line, process.execPath, CLI], { cwd: folder });
    expect(result).toMatchObject({ status: 0, leftovers: [], stderr: '' });
    expect(result.stdout.toString()).toBe('same\n');
  });
});

describe('signals and time', () => {
  test('--timeout ends the command with status 124', async () => {
    const result = await run(process.execPath, [CLI, 'run', '--timeout', '0.5', '--', 'sleep', '60']);
    expect(result).toMatchObject({ status: 124, leftovers: [], timedOut: false });
  });

  // While it starts, while its zygote forks, and while the guest does.
  test.each([60, 90, 120, 150, 400])(
    'SIGKILL of troupe after %i ms leaves no process behind',
    async (after) => {
      const loop = 'while :; do (:); done';
      const result = await run(process.execPath, [CLI, 'run', '--', 'sh', '-c', loop], {
        started: (pid) => setTimeout(() => process.kill(pid, 'SIGKILL'), after),
      });
      expect(result).toMatchObject({ status: 137, leftovers: [], timedOut: false });
    },
  );

  test('SIGTERM to troupe is SIGTERM to the guest', async () => {
    const result = await run(process.execPath, [CLI, 'run', '--', 'sleep', '60'], {
      started: (pid) => setTimeout(() => process.kill(pid, 'SIGTERM'), 1_500),
    });
    expect(result).toMatchObject({ status: 143, leftovers: [], timedOut: false });
  });
});

function numbers(count: number): string {
  // A fixed sequence without order: a small linear congruential generator.
  let state = 12345;
  const out: number[] = [];
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    out.push(state % 1_000_000);
  }
  return `${out.join('\n')}\n`;
}
