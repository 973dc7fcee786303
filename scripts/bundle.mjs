/**
 * Bundles the package's entry points into dist/. Starting a guest costs less than loading two hundred
 * small files from three threads does (623 ms against what docs/decisions/0011 says), so each thread loads one or two files.
 *
 * koffi stays outside (a prebuilt addon), and what is loaded only when needed: pino, and rxjs and
 * comlink in the embedder's thread.
 */
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

await build({
  absWorkingDir: root,
  entryPoints: {
    index: 'src/index.ts',
    'cli/main': 'src/cli/main.ts',
    'cli/coverage-page': 'src/cli/coverage-page.ts',
    'shard-worker': 'src/actors/shard-worker.ts',
    // Piscina starts the file of this name beside its own code.
    worker: 'node_modules/piscina/dist/worker.js',
  },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  chunkNames: 'chunk-[hash]',
  external: ['koffi', 'pino', '@napi-rs/nice'],
  // The CommonJS build, which node would take, is one piece of two hundred modules.
  alias: { rxjs: `${root}node_modules/rxjs/dist/esm/index.js` },
  // Piscina is CommonJS: it wants these two names.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  define: { __dirname: 'import.meta.dirname' },
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
});
