/** What troupe is measured beside: each tool is a prefix to a command, or absent. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

const CLI = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');

/** @returns {{ name: string, prefix: string[] | undefined, note: string }[]} */
export function tools() {
  return [
    { name: 'native', prefix: [], note: '' },
    { name: 'troupe', prefix: [process.execPath, CLI, 'run', '--'], note: `Node ${process.version}` },
    ...gvisor(),
    {
      name: 'strace',
      prefix: found('strace') ? ['strace', '-f', '-qq', '-o', '/dev/null'] : undefined,
      note: firstLine('strace', ['--version']),
    },
    { name: 'proot', prefix: found('proot') ? ['proot'] : undefined, note: '' },
  ];
}

/** gVisor by the platforms that this runsc has; each is tried before it is trusted. */
function gvisor() {
  if (!found('runsc')) return [{ name: 'runsc', prefix: undefined, note: '' }];
  const flags = spawnSync('runsc', ['flags'], { encoding: 'utf8' });
  const offered = /-platform[\s\S]*?platform to use: ([^(]*(?:\([^)]*\)[^(.]*)*)/.exec(
    flags.stdout + flags.stderr,
  );
  const platforms = ['systrap', 'ptrace'].filter((p) => offered?.[1]?.includes(p));
  const version = firstLine('runsc', ['--version']);
  const rootless = process.getuid?.() === 0 ? [] : ['--rootless'];
  return platforms.map((platform) => {
    const prefix = [
      'runsc',
      ...rootless,
      '--network=none',
      '--ignore-cgroups',
      `--platform=${platform}`,
      'do',
    ];
    const works = spawnSync(prefix[0], [...prefix.slice(1), '/bin/true'], { timeout: 20_000 }).status === 0;
    return { name: `runsc ${platform}`, prefix: works ? prefix : undefined, note: version };
  });
}

export function found(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

function firstLine(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8' }).split('\n')[0] ?? '';
  } catch {
    return '';
  }
}
