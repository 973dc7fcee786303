/**
 * Bundles the package's entry points into dist/. Starting a guest costs less than loading two hundred
 * small files does (docs/decisions/0011): each thread loads one or two.
 *
 *     dist/index.js, dist/cli/   the embedder's thread, ES modules
 *     dist/pool/                 the workers', CommonJS, which a worker loads sooner, with a code cache
 *
 * koffi stays outside (a prebuilt addon), and what is loaded only when needed: pino, rxjs for embedders.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
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

/** Piscina starts `worker.js` beside its own code: ours is in pool/. */
const piscinaWorker = {
  name: 'piscina-worker',
  setup({ onLoad }) {
    onLoad({ filter: /piscina[/\\]dist[/\\]index\.js$/ }, async ({ path }) => {
      const contents = await readFile(path, 'utf8');
      const patched = contents.replace("'worker.js'", "'pool/worker.js'");
      if (patched === contents) throw new Error('piscina no longer names its worker file as it did');
      return { contents: patched };
    });
  },
};

await build({
  ...common,
  entryPoints: {
    index: 'src/index.ts',
    'cli/main': 'src/cli/main.ts',
    'cli/coverage-page': 'src/cli/coverage-page.ts',
  },
  outdir: 'dist',
  splitting: true,
  format: 'esm',
  chunkNames: 'chunk-[hash]',
  external,
  plugins: [piscinaWorker],
  // Piscina is CommonJS: it wants these two names.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  define: { __dirname: 'import.meta.dirname' },
});

await build({
  ...common,
  entryPoints: { shard: 'src/actors/shard-worker.ts', worker: 'node_modules/piscina/dist/worker.js' },
  outdir: 'dist/pool',
  format: 'cjs',
  external,
  banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  define: { 'import.meta.url': '__moduleUrl' },
});
mkdirSync('dist/pool', { recursive: true });
writeFileSync('dist/pool/package.json', '{ "type": "commonjs" }\n');
copyFileSync('scripts/pool-loader.cjs', 'dist/pool/shard-worker.js');

// Without a cache (a host that runs no guests) all works the same, only slower to start.
spawnSync(process.execPath, ['dist/cli/main.js', 'run', '--', '/bin/sh', '-c', 'ls -l /bin/sh | cat'], {
  env: { ...process.env, TROUPE_CODE_CACHE: 'write' },
  stdio: 'ignore',
  timeout: 20_000,
  killSignal: 'SIGKILL',
});
