/**
 * Imports go one way, down the list of rooms; within a room everything may import everything. The
 * kernel is pure: of the platform it knows the contract alone, of the host nothing.
 */
import { expect, test } from '@jest/globals';
import { importsOf, resolveImport, sourceFiles } from './source-files.js';

/** From the top down. A file straight in src/ is a room of its own. */
const ROOMS = ['cli', 'index', 'api', 'options', 'actors', 'kernel', 'platform', 'messages', 'abi', 'base'];

/** What the kernel may name of the platform: contracts, no host. */
const CONTRACTS = ['src/platform/platform.ts', 'src/platform/host-files.ts'];

/** Rooms that import no package and nothing of node. */
const PURE = ['kernel', 'messages', 'abi', 'base'];

const room = (path: string): string => (path.split('/')[1] ?? '').replace(/\.ts$/, '');

const files = sourceFiles('src');

test('there is something to look at', () => {
  expect(files.length).toBeGreaterThan(20);
  expect(
    importsOf("import type { A } from './a.js';\nexport * from './b.js';\nawait import('./c.js')"),
  ).toEqual(['./a.js', './b.js', './c.js']);
});

test('every file is in a room', () => {
  expect(files.map((f) => f.path).filter((p) => !ROOMS.includes(room(p)))).toEqual([]);
});

test('imports go down', () => {
  const bad: string[] = [];
  for (const file of files) {
    for (const specifier of file.imports) {
      const target = resolveImport(file.path, specifier);
      if (target && ROOMS.indexOf(room(target)) < ROOMS.indexOf(room(file.path))) {
        bad.push(`bad layering: ${file.path} → ${target}`);
      }
    }
  }
  expect(bad).toEqual([]);
});

test('the kernel knows contracts of the platform, no host', () => {
  const bad: string[] = [];
  for (const file of files.filter((f) => room(f.path) === 'kernel')) {
    for (const specifier of file.imports) {
      const target = resolveImport(file.path, specifier);
      if (target && room(target) === 'platform' && !CONTRACTS.includes(target)) {
        bad.push(`bad layering: ${file.path} → ${target}`);
      }
    }
  }
  expect(bad).toEqual([]);
});

test('the pure rooms import no package and nothing of node', () => {
  const bad: string[] = [];
  for (const file of files.filter((f) => PURE.includes(room(f.path)))) {
    for (const specifier of file.runtimeImports) {
      if (!specifier.startsWith('.')) bad.push(`bad layering: ${file.path} → ${specifier}`);
    }
  }
  expect(bad).toEqual([]);
});

test('only actors have threads', () => {
  const THREADS = ['node:worker_threads', 'worker_threads', 'piscina', 'comlink'];
  const bad = files
    .filter((f) => room(f.path) !== 'actors')
    .flatMap((f) =>
      f.runtimeImports.filter((i) => THREADS.includes(i)).map((i) => `bad layering: ${f.path} → ${i}`),
    );
  expect(bad).toEqual([]);
});

// The coverage page is made from the kernel's declarations by the build, not by the command.
test('the command line stands on the public API', () => {
  const bad: string[] = [];
  for (const file of files.filter((f) => room(f.path) === 'cli' && !f.path.includes('/coverage'))) {
    for (const specifier of file.imports) {
      const target = resolveImport(file.path, specifier);
      if (target && !['cli', 'index', 'options', 'base'].includes(room(target))) {
        bad.push(`bad layering: ${file.path} → ${target}`);
      }
    }
  }
  expect(bad).toEqual([]);
});
