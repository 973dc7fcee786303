/** A folder of its own for each test file, outside the package, removed at the end. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

/** Not /tmp: a sandbox may have one of its own. */
const PARENT = '/var/tmp';

export function tempFolder(name: string): string {
  const folder = mkdtempSync(join(PARENT, `troupe-${name}-`));
  // Guests run as another user may look inside.
  chmodSync(folder, 0o755);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
