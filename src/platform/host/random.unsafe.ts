/** Random bytes of the host, fetched by the page: one call of node:crypto costs 20 µs and more. */
import { randomFillSync } from 'node:crypto';

const pool = new Uint8Array(4096);
let used = pool.length;

export const hostRandom = {
  fill(into: Uint8Array): void {
    if (into.length > pool.length / 4) {
      randomFillSync(into);
      return;
    }
    if (used + into.length > pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    into.set(pool.subarray(used, used + into.length));
    // What was given away is nobody else's to find.
    pool.fill(0, used, used + into.length);
    used += into.length;
  },
};
