/** Random bytes of the host. */
import { randomFillSync } from 'node:crypto';

export const hostRandom = {
  fill(into: Uint8Array): void {
    randomFillSync(into);
  },
};
