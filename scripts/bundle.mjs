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

/** Piscina starts `worker.js` beside its own code: ours is in dist/pool/. */
const piscinaWorker = (place) => ({
  name: 'piscina-worker',
  setup({ onLoad }) {
    onLoad({ filter: /piscina[/\\]dist[/\\]index\.js$/ }, async ({ path }) => {
      const contents = await readFile(path, 'utf8');
      const patched = contents.replace("'worker.js'", `'${place}/worker.js'`);
      if (patched === contents) throw new Error('piscina no longer names its worker file as it did');
      return { contents: patched };
    });
  },
});

/**
 * In the workers koffi is its prebuilt addon alone: the JavaScript around it finds out which to take, adds what is
 * deprecated, and costs 6 ms at each start. npm puts the addon where all can see it, others where koffi can.
 * Hence one version of koffi in package.json, not a range.
 */
const koffi = {
  name: 'koffi',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^koffi$/ }, ({ path }) => ({ path, namespace: 'addon' }));
    onResolve({ filter: /^@koromix\/koffi-/ }, ({ path }) => ({ path, external: true }));
    onLoad({ filter: /.*/, namespace: 'addon' }, () => ({
      contents: `
        try {
          module.exports = require('@koromix/koffi-linux-x64');
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

const commonJs = {
  ...common,
  format: 'cjs',
  external,
  // What V8 compiles from a cache has no loader for import().
  supported: { 'dynamic-import': false },
  banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  define: { 'import.meta.url': '__moduleUrl' },
};

await build({
  ...commonJs,
  entryPoints: {
    troupe: 'src/cli/main.ts',
    'check-injection': 'src/api/check-injection.ts',
    'coverage-page': 'src/cli/coverage-page.ts',
    'progress-bar': 'src/cli/progress-bar.ts',
  },
  outdir: 'dist/cli',
  plugins: [piscinaWorker('../pool'), apart(['check-injection', 'progress-bar'])],
});

await build({
  ...commonJs,
  entryPoints: { shard: 'src/actors/shard-worker.ts', worker: 'node_modules/piscina/dist/worker.js' },
  outdir: 'dist/pool',
  external: external.filter((name) => name !== 'koffi'),
  plugins: [koffi],
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
