/** The 64-bit words that eventfd and timerfd descriptions are read and written as. */
import { E } from '../../../abi/errno.js';
import { type Failure, fail } from '../../outcome.js';
import type { Sink, Source } from '../io.js';

const WORD = 8;
const bytes = new Uint8Array(WORD);
const view = new DataView(bytes.buffer);

/** 8, or EFAULT. */
export function putU64(to: Sink, value: bigint): number | Failure {
  view.setBigUint64(0, value, true);
  return to.put(bytes) === WORD ? WORD : fail(E.EFAULT);
}

export function takeU64(from: Source): bigint | Failure {
  let have = 0;
  while (have < WORD) {
    const part = from.take(WORD - have);
    if (part.length === 0) return fail(E.EFAULT);
    bytes.set(part, have);
    have += part.length;
  }
  return view.getBigUint64(0, true);
}
