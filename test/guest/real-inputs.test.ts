/** The main job on inputs of real size: the same output and status natively and under troupe. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, test } from '@jest/globals';
import { expectSame } from './support/compare.js';
import { sayAbsent } from './support/compiler.js';
import { which } from './support/run.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('real-inputs');
const big = join(folder, 'big');
const million = join(folder, 'million');

/** xorshift32: the same noise on every run. */
function noise(words: Uint32Array, seed: number): void {
  let x = seed;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
}

beforeAll(() => {
  const block = new Uint32Array(250_000);
  noise(block, 1);
  const fd = openSync(big, 'w');
  for (let n = 0; n < 300; n++) {
    block[0] = n;
    writeSync(fd, block);
  }
  closeSync(fd);
  const keys = new Uint32Array(1_000_000);
  noise(keys, 2);
  writeFileSync(million, `${keys.join('\n')}\n`);
});

const PYTHON_FILE_DATABASE = `
import os, sqlite3
d = sqlite3.connect("/tmp/troupe-real-inputs.db")
d.execute("drop table if exists t")
d.execute("create table t(a integer primary key, b text)")
for i in range(100):
    with d: d.execute("insert into t values(?, ?)", (i, "x" * i))
print(d.execute("select count(*), sum(length(b)) from t").fetchone(), d.execute("pragma integrity_check").fetchone())
d.close()
os.unlink("/tmp/troupe-real-inputs.db")
`;

const PYTHON_LIBRARIES = `
import hashlib, json, re, sqlite3
rows = [{"n": i, "h": hashlib.sha256(str(i).encode()).hexdigest()} for i in range(20000)]
text = json.dumps(rows, sort_keys=True)
print(hashlib.sha256(text.encode()).hexdigest(), len(re.findall(r"[0-9]+[a-f]{2}", text)))
d = sqlite3.connect(":memory:")
d.execute("create table t(n, h)")
d.executemany("insert into t values(:n, :h)", json.loads(text))
print(d.execute("select count(*), max(h) from t where n % 7 = 3").fetchone())
`;

const SQL = `
create table t(a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000)
insert into t select i, hex(i * 7919) from n;
create index by_b on t(b);
select count(*), sum(a), max(b) from t where b > '4';
pragma integrity_check;
`;

const CASES: readonly (readonly [string, ...string[]])[] = [
  ['sha256sum', big],
  ['busybox', 'sha256sum', million],
  ['openssl', 'dgst', '-sha512', big],
  ['grep', '-rc', 'include', '/usr/include'],
  ['find', '/usr/share/doc', '-name', '*.gz'],
  ['sort', million],
  ['sort', '-n', '--parallel=1', million],
  ['gzip', '-nc', million],
  ['awk', '{ n += $1; if ($1 % 3 == 0) m[length($1)]++ } END { print n, m[9], m[10] }', million],
  ['sed', '-n', 's/\\(12\\)\\(3*\\)/<\\2\\1>/gp', million],
  ['sh', '-c', `gzip -nc ${million} > z.gz && gunzip -c z.gz | sha256sum; rm z.gz`],
  ['sh', '-c', 'tar c /etc | sha256sum'],
  [
    'sh',
    '-c',
    `tar cf t.tar -C /usr/include/linux . && mkdir out && tar xf t.tar -C out && diff -r /usr/include/linux out; rm -r t.tar out`,
  ],
  ['busybox', 'sh', '-c', `busybox sort -n ${million} | busybox md5sum`],
  [
    'perl',
    '-e',
    'my %h; $h{($_ * 7919) % 10007} .= $_ for 1 .. 300000; print length(join "", map { $h{$_} } sort keys %h), "\\n"',
  ],
  ['/usr/bin/python3', '-c', PYTHON_LIBRARIES],
  ['/usr/bin/python3', '-c', PYTHON_FILE_DATABASE],
  ['sqlite3', ':memory:', SQL],
  ['openssl', 'prime', '170141183460469231731687303715884105727'],
];

describe('real inputs', () => {
  for (const [command, ...args] of CASES) {
    const present = which(command) !== undefined;
    if (!present) sayAbsent(command);
    (present ? test : test.skip)([command, ...args].join(' ').trim().slice(0, 80), async () => {
      await expectSame(command, args, { cwd: folder, timeoutMs: 100_000 });
    });
  }

  const go = which('go');
  if (!go) sayAbsent('go');
  (go ? test : test.skip)(
    'a static Go program with goroutines',
    async () => {
      const source = join(folder, 'hello');
      mkdirSync(source);
      writeFileSync(join(source, 'go.mod'), 'module hello\n');
      writeFileSync(join(source, 'main.go'), GO);
      execFileSync('go', ['build', '-o', 'hello', '.'], {
        cwd: source,
        env: {
          PATH: process.env['PATH'],
          HOME: folder,
          GOFLAGS: '-modcacherw',
          CGO_ENABLED: '0',
          GOTOOLCHAIN: 'local',
        },
        stdio: 'ignore',
      });
      await expectSame(join(source, 'hello'), ['a', 'b'], { cwd: folder, timeoutMs: 100_000 });
    },
    120_000,
  );
});

const GO = `package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"sync"
	"time"
)

func main() {
	var wait sync.WaitGroup
	squares := make(chan int, 1000)
	for i := 0; i < 1000; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			time.Sleep(time.Millisecond)
			squares <- i * i
		}(i)
	}
	wait.Wait()
	close(squares)
	sum := 0
	for s := range squares {
		sum += s
	}
	text, err := os.ReadFile("/etc/os-release")
	_, missing := os.Open("/no/such/file")
	fmt.Println(os.Args[1:], sum, err, missing, sha256.Sum256(text))
}
`;
