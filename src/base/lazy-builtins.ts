/** Modules of node that cost 1 to 2 ms to load each: only who needs them pays, not every start of a sandbox. */
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

export const childProcess = (): typeof import('node:child_process') => load('node:child_process');
export const crypto = (): typeof import('node:crypto') => load('node:crypto');
export const v8 = (): typeof import('node:v8') => load('node:v8');
export const zlib = (): typeof import('node:zlib') => load('node:zlib');
