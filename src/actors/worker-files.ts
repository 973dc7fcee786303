/** Where the workers' code is: beside this file as compiled, or in pool/ as bundled (scripts/bundle.mjs). */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bundled = fileURLToPath(new URL('./pool/shard-worker.js', import.meta.url));

export const SHARD_WORKER = existsSync(bundled)
  ? bundled
  : fileURLToPath(new URL('./shard-worker.js', import.meta.url));
