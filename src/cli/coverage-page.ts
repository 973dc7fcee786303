/** Writes docs/coverage.md: `npm run coverage-page`. */
import { writeFileSync } from 'node:fs';
import { declarations } from '../kernel/syscalls/table.js';
import { coveragePage } from './coverage.js';

const page = new URL('../../docs/coverage.md', import.meta.url);
writeFileSync(page, coveragePage(declarations));
