/**
 * What the stress table runs: stress-ng's classes about tasks, signals, pipes and memory, those of its class
 * `os` that use the same calls, and the programs of rt-tests.
 */
import { execFileSync } from 'node:child_process';

const CLASSES = ['scheduler', 'interrupt', 'pipe', 'vm'];
const OF_OS = [
  ...[
    'cap',
    'chdir',
    'dup',
    'enosys',
    'epoll',
    'fcntl',
    'flock',
    'full',
    'get',
    'getdent',
    'getrandom',
    'kcmp',
  ],
  ...['lease', 'locka', 'lockf', 'lockofd', 'memfd', 'mincore', 'null', 'open', 'opcode', 'personality'],
  ...['prctl', 'procfs', 'ptrace', 'pty', 'reboot', 'rename', 'revio', 'rlimit', 'seek', 'set', 'sock'],
  ...['sockfd', 'sockpair', 'sysbadaddr', 'sysinfo', 'sysinval', 'tlb-shootdown', 'udp', 'urandom', 'utime'],
  ...['vdso', 'x86syscall', 'zero'],
];

/** Address space of each process, on both sides: some stressors take memory until they are refused. */
const ADDRESS_SPACE = 2 * 2 ** 30;

/** Stressors that need what troupe says it does not have (docs/coverage.md). */
const UNSUPPORTED = new Map([
  ['aiol', 'no asynchronous I/O (io_setup)'],
  ['cap', 'asks about process 1, which is the kernel itself'],
  ['dnotify', 'no F_NOTIFY'],
  ['inotify', 'no inotify'],
  ['mq', 'no POSIX message queues'],
  ['msg', 'no System V IPC'],
  ['sem-sysv', 'no System V IPC'],
]);

/** @returns {{ name: string, argv: string[], root: boolean, unsupported?: string }[]} */
export function allRows(seconds) {
  return [...stressNgNames().map((name) => stressNg(name, seconds)), ...realTime(seconds)];
}

function stressNg(name, seconds) {
  const argv = ['prlimit', `--as=${ADDRESS_SPACE}`, '--', 'stress-ng', '--temp-path', '/tmp', '--verify'];
  argv.push('--timeout', `${seconds}s`, `--${name}`, '1');
  const unsupported = UNSUPPORTED.get(name);
  return { name, argv, root: false, ...(unsupported && { unsupported }) };
}

/** They want real-time priorities, which natively only root may have. */
function realTime(seconds) {
  const row = (argv) => ({ name: argv[0], argv, root: true });
  return [
    row(['signaltest', '--quiet', '--loops', '1000']),
    row(['ptsematest', '--quiet', '--loops', '1000']),
    row(['sigwaittest', '--quiet', '--loops', '1000']),
    row(['pi_stress', '--quiet', `--duration=${seconds}`, '--groups=1']),
    row(['hackbench', '--groups', '4', '--loops', '100']),
  ];
}

function stressNgNames() {
  const offered = new Map(CLASSES.concat('os').map((name) => [name, ofClass(name)]));
  const names = CLASSES.flatMap((name) => offered.get(name));
  return [...new Set([...names, ...OF_OS.filter((name) => offered.get('os').includes(name))])].sort();
}

function ofClass(name) {
  const text = execFileSync('stress-ng', ['--class', `${name}?`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return /stressors: (.*)/.exec(text)[1].trim().split(/\s+/);
}
