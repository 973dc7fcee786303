/**
 * What is measured. A row is timed from outside, in ms, unless the program inside says how long a unit took
 * (`read` finds the number in what it prints). `units` is how many units one run does, by tool where a tool
 * is too slow for the usual number.
 */

/** @typedef {{ name: string, unit: string, limit?: number, argv: (units: number) => string[],
 *   units?: Record<string, number> & { usual: number }, read?: (printed: string) => number,
 *   lessStart?: boolean, beside?: string[] }} Case */

export const START = 'start: /bin/true';

const GVISOR = ['runsc systrap', 'runsc ptrace'];
/** The rows about processes compare kernels: tracers of the host's kernel tell nothing new there. */
const KERNELS = ['native', 'troupe', ...GVISOR];

/**
 * @param {{ program: string | undefined, bigFile: () => string, middleFile: () => string, build: string[],
 *   found: (command: string) => boolean }} inputs
 * @returns {Case[]}
 */
export function cases({ program, bigFile, middleFile, build, found }) {
  return [
    { name: START, unit: 'ms', argv: () => ['/bin/true'] },
    ...(program ? [...computing(program), ...tasks(program)] : []),
    ...programs({ build, found }),
    ...files({ bigFile, middleFile }),
  ];
}

function computing(program) {
  const slow = { strace: 20_000, proot: 20_000, 'runsc ptrace': 20_000 };
  return [
    inside(
      'getpid',
      'ns',
      [program, 'getpid'],
      { usual: 300_000, native: 3_000_000, ...slow },
      { limit: 22 },
    ),
    inside('clock_gettime', 'ns', [program, 'clock'], { usual: 3_000_000 }, { limit: 2 }),
    inside('CPU-bound (SHA-256 rounds)', 'ns', [program, 'compute'], { usual: 300_000_000 }, { limit: 1.02 }),
    inside('touch 64 MiB of fresh memory, a page', 'ns', [program, 'touch'], { usual: 16 }, { limit: 1.1 }),
  ];
}

function tasks(program) {
  const row = (name, argv, units, more) =>
    inside(name, 'µs', [program, ...argv], units, { beside: KERNELS, ...more });
  return [
    row('fork, exit, wait', ['fork'], { usual: 200, native: 1000 }),
    row(
      'fork, exec a static program, wait',
      ['exec'],
      { usual: 100, native: 500 },
      { last: [program], limit: 3 },
    ),
    row(
      'fork, exec /bin/true, wait',
      ['exec'],
      { usual: 100, native: 500 },
      { last: ['/bin/true'], limit: 3 },
    ),
    row('create a thread, join', ['thread'], { usual: 1000, native: 5000 }),
    row('futex ping-pong of two threads', ['futex'], { usual: 5000, native: 20_000 }),
    row('pipe ping-pong of two processes', ['pipe'], { usual: 3000, native: 20_000 }),
    row('64 KiB through a pipe', ['throughput'], { usual: 3000, native: 10_000 }),
    row('signal to self', ['signal'], { usual: 20_000, native: 200_000, 'runsc ptrace': 5000 }),
  ];
}

/** Whole programs made of many tasks. */
function programs({ build, found }) {
  const rows = [
    {
      name: 'hackbench (2 groups of 10 processes, 500 messages)',
      needs: 'hackbench',
      argv: () => ['hackbench', '-l', '500', '-g', '2', '-f', '5'],
      read: (printed) => Number(/^Time: ([\d.]+)/m.exec(printed)?.[1]) * 1000,
    },
    { name: 'make -j2 of 9 C files, less start', needs: 'gcc', argv: () => build, lessStart: true },
    {
      name: 'a shell script that starts 500 programs, less start',
      needs: 'sh',
      argv: () => ['sh', '-c', 'i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i+1)); done'],
      lessStart: true,
    },
  ];
  return rows.filter(({ needs }) => found(needs)).map((row) => ({ ...row, unit: 'ms', beside: KERNELS }));
}

/** Each reads its file several times, so that what the start takes, and how that swings, weighs little. */
function files({ bigFile, middleFile }) {
  const row = (name, command, file, usual, more) => ({
    name,
    unit: 'ms',
    lessStart: true,
    argv: (n) => [command, ...Array(n).fill(file())],
    units: { usual, strace: 1, proot: 1 },
    ...more,
  });
  return [
    row('cat 1 GiB cached, less start', 'cat', bigFile, 4, { limit: 2.5 }),
    row('sha256sum 300 MB, less start', 'sha256sum', middleFile, 2),
  ];
}

/** A row of bench/guest: the program prints nanoseconds a unit. */
function inside(name, unit, argv, units, { last = [], ...more } = {}) {
  const scale = unit === 'µs' ? 1000 : 1;
  return {
    ...more,
    name,
    unit,
    units,
    argv: (n) => [...argv, String(n), ...last],
    read: (printed) => Number.parseFloat(printed) / scale,
  };
}
