/**
 * Where the workers' code is: in pool/ as bundled (scripts/bundle.mjs), seen from dist/ or from dist/cli/;
 * or beside this file as compiled.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (place: string): string => fileURLToPath(new URL(place, import.meta.url));
const bundled = [here('./pool/shard-worker.js'), here('../pool/shard-worker.js')];

export const SHARD_WORKER = bundled.find((file) => existsSync(file)) ?? here('./shard-worker.js');
