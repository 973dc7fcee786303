/**
 * Bundles the package's entry points into dist/. Starting a guest costs less than loading two hundred
 * small files does (docs/decisions/0011): each thread loads one or two.
 *
 *     dist/index.js      for who embeds troupe, an ES module
 *     dist/cli/, pool/   the command and the workers, CommonJS, which starts sooner, with a code cache each
 *
 * What is loaded only when needed stays outside: pino, rxjs for embedders.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  minifySyntax: true,
  minifyWhitespace: true,
  // The CommonJS build of RxJS, which node would take, is one piece of two hundred modules.
  alias: { rxjs: `${root}node_modules/rxjs/dist/esm/index.js` },
  logLevel: 'warning',
};
const external = ['koffi', 'pino', '@napi-rs/nice'];

/** A file of Piscina's, with one thing said otherwise. */
async function patched(path, from, to) {
  const contents = await readFile(path, 'utf8');
  if (!contents.includes(from)) throw new Error(`piscina no longer says ${from}`);
  return { contents: contents.replace(from, to) };
}

/**
 * Piscina starts `worker.js` beside its own code: ours is in dist/pool/. And it takes a worker that was started
 * before it was there (scripts/worker-ahead.cjs).
 */
const piscinaWorker = (place) => ({
  name: 'piscina-worker',
  setup({ onLoad }) {
    onLoad({ filter: /piscina[/\\]dist[/\\]index\.js$/ }, ({ path }) =>
      patched(path, "'worker.js'", `'${place}/worker.js'`),
    );
    onLoad({ filter: /piscina[/\\]dist[/\\]worker_pool[/\\]index\.js$/ }, ({ path }) =>
      patched(
        path,
        'new node_worker_threads_1.Worker(',
        "(globalThis[Symbol.for('troupe.newWorker')] ?? ((...of) => new node_worker_threads_1.Worker(...of)))(",
      ),
    );
  },
});

/**
 * In the workers koffi is its prebuilt addon alone: the JavaScript around it finds out which to take (8 ms at each
 * start, with what it reads for that), and glibc's is right wherever node's own binaries run. npm puts the addon
 * where all can see it, others where koffi can. Hence one version of koffi in package.json, not a range.
 */
const koffi = {
  name: 'koffi',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^koffi$/ }, ({ path }) => ({ path, namespace: 'addon' }));
    onResolve({ filter: /^@koromix\/koffi-/ }, ({ path }) => ({ path, external: true }));
    onLoad({ filter: /.*/, namespace: 'addon' }, () => ({
      contents: `
        try {
          module.exports = require('@koromix/koffi-linux-x64/linux_x64/koffi.node');
        } catch {
          const { createRequire } = require('node:module');
          const koffi = createRequire(__moduleUrl).resolve('koffi');
          module.exports = createRequire(koffi)('@koromix/koffi-linux-x64');
        }`,
    }));
  },
};

/** A room that few runs need is a file of its own: without it the rest is read and checked sooner. */
const apart = (names) => ({
  name: 'apart',
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`/(${names.join('|')})\\.js$`) }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path: `./${path.split('/').at(-1)}`, external: true } : undefined,
    );
  },
});

await build({
  ...common,
  entryPoints: { index: 'src/index.ts' },
  outdir: 'dist',
  splitting: true,
  format: 'esm',
  chunkNames: 'chunk-[hash]',
  external,
  plugins: [piscinaWorker('pool')],
  // Piscina is CommonJS: it wants these two names.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  define: { __dirname: 'import.meta.dirname' },
});

const MODULE_URL = "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;";

const commonJs = {
  ...common,
  format: 'cjs',
  external,
  // What V8 compiles from a cache has no loader for import().
  supported: { 'dynamic-import': false },
  banner: { js: MODULE_URL },
  define: { 'import.meta.url': '__moduleUrl' },
};

/** For scripts/load-cached.cjs, which runs them as node runs a module: putting that around the text there copied it. */
const cached = {
  ...commonJs,
  banner: { js: `(function (exports, require, module, __filename, __dirname) { ${MODULE_URL}` },
  footer: { js: '})' },
};

await build({
  ...cached,
  entryPoints: { troupe: 'src/cli/main.ts' },
  outdir: 'dist/cli',
  plugins: [piscinaWorker('../pool'), apart(['check-injection', 'progress-bar'])],
});

await build({
  ...commonJs,
  entryPoints: {
    'check-injection': 'src/api/check-injection.ts',
    'coverage-page': 'src/cli/coverage-page.ts',
    'progress-bar': 'src/cli/progress-bar.ts',
  },
  outdir: 'dist/cli',
});

await build({
  ...cached,
  entryPoints: { shard: 'src/actors/shard-worker.ts' },
  outdir: 'dist/pool',
  external: external.filter((name) => name !== 'koffi'),
  plugins: [koffi],
});

await build({
  ...commonJs,
  entryPoints: { worker: 'node_modules/piscina/dist/worker.js' },
  outdir: 'dist/pool',
});

for (const [directory, loader, entry] of [
  ['dist/cli', 'cli-loader', 'main'],
  ['dist/pool', 'pool-loader', 'shard-worker'],
]) {
  writeFileSync(`${directory}/package.json`, '{ "type": "commonjs" }\n');
  await build({
    ...common,
    sourcemap: false,
    format: 'cjs',
    entryPoints: { [entry]: `scripts/${loader}.cjs` },
    outdir: directory,
  });
}
chmodSync('dist/cli/main.js', 0o755);

// Without a cache (a host that runs no guests) all works the same, only slower to start.
spawnSync(process.execPath, ['dist/cli/main.js', 'run', '--', '/bin/sh', '-c', 'ls -l /bin/sh | cat'], {
  env: { ...process.env, TROUPE_CODE_CACHE: 'write' },
  stdio: 'ignore',
  timeout: 20_000,
  killSignal: 'SIGKILL',
});
