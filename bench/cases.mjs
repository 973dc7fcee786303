/**
 * What is measured. `units` is how many units one run does, by tool where a tool is too slow for the
 * usual number; `inside` cases print their own time a unit, the others are timed from outside.
 */

/** @typedef {{ name: string, unit: string, inside: boolean, limit?: number, argv: (units: number) => string[],
 *   units: Record<string, number> & { usual: number }, lessStart?: boolean }} Case */

const SLOW = { strace: 20_000, proot: 20_000, 'runsc ptrace': 20_000 };

/**
 * @param {{ program: string | undefined, bigFile: string, middleFile: string }} inputs
 * @returns {Case[]}
 */
export function cases({ program, bigFile, middleFile }) {
  const inside = program
    ? [
        {
          name: 'getpid',
          unit: 'ns',
          inside: true,
          limit: 22,
          argv: (units) => [program, 'getpid', String(units)],
          units: { usual: 300_000, native: 3_000_000, ...SLOW },
        },
        {
          name: 'clock_gettime',
          unit: 'ns',
          inside: true,
          limit: 2,
          argv: (units) => [program, 'clock', String(units)],
          units: { usual: 3_000_000 },
        },
        {
          name: 'CPU-bound (SHA-256 rounds)',
          unit: 'ns',
          inside: true,
          limit: 1.02,
          argv: (units) => [program, 'compute', String(units)],
          units: { usual: 300_000_000 },
        },
        {
          name: 'touch 1 GiB of fresh memory, a page',
          unit: 'ns',
          inside: true,
          limit: 1.1,
          argv: (units) => [program, 'touch', String(units)],
          units: { usual: 262_144 },
        },
        {
          name: 'fork, exec /bin/true, wait',
          unit: 'µs',
          inside: true,
          argv: (units) => [program, 'children', String(units)],
          units: { usual: 50 },
        },
      ]
    : [];
  return [
    {
      name: 'start: /bin/true',
      unit: 'ms',
      inside: false,
      argv: () => ['/bin/true'],
      units: { usual: 1 },
    },
    ...inside,
    {
      name: 'cat 1 GiB cached, less start',
      unit: 'ms',
      inside: false,
      lessStart: true,
      limit: 2.5,
      argv: () => ['cat', bigFile],
      units: { usual: 1 },
    },
    {
      name: 'sha256sum 300 MB, less start',
      unit: 'ms',
      inside: false,
      lessStart: true,
      argv: () => ['sha256sum', middleFile],
      units: { usual: 1 },
    },
  ];
}
