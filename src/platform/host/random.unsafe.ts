/** Random bytes of the host, fetched by the page: a host call for each few bytes would cost more than they do. */
import { getrandom } from './libc.unsafe.js';
import { check } from './memory.unsafe.js';
import { scratch } from './scratch.unsafe.js';

const pool = new Uint8Array(4096);
let used = pool.length;

export const hostRandom = {
  fill(into: Uint8Array): void {
    if (into.length > pool.length / 4) {
      fetch(into);
      return;
    }
    if (used + into.length > pool.length) {
      fetch(pool);
      used = 0;
    }
    into.set(pool.subarray(used, used + into.length));
    // What was given away is nobody else's to find.
    pool.fill(0, used, used + into.length);
    used += into.length;
  },
};

function fetch(into: Uint8Array): void {
  const { dataAddress, data, dataSize } = scratch();
  for (let done = 0; done < into.length; ) {
    const wanted = Math.min(into.length - done, dataSize);
    const got = check('getrandom', getrandom(dataAddress, wanted, 0));
    into.set(data.subarray(0, got), done);
    data.fill(0, 0, got);
    done += got;
  }
}
