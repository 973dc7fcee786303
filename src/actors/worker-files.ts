/** Where the workers' entry file is: beside this one, as built or as bundled (scripts/bundle.mjs). */
import { fileURLToPath } from 'node:url';

export const SHARD_WORKER = fileURLToPath(new URL('./shard-worker.js', import.meta.url));
