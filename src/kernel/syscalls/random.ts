/** getrandom(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { flags, outBuffer, size } from './codecs.js';
import { arg, syscall } from './declare.js';

const GRND_NONBLOCK = 1;
const GRND_RANDOM = 2;
const GRND_INSECURE = 4;
const getrandomFlags = { GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE } as const;
const KNOWN = GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE;

/** The most that one call gives, as getrandom(2) says of urandom. */
const MAX_BYTES = 33_554_431;
const CHUNK = 65_536;

export const randomCalls = [
  syscall(
    NR.getrandom,
    'getrandom',
    [arg('buf', outBuffer('buflen')), arg('buflen', size), arg('flags', flags(getrandomFlags))],
    {},
    getRandom,
  ),
];

function getRandom(task: Task, at: UserAddr, length: number, how: number): Result {
  if ((how & ~KNOWN) !== 0) return fail(E.EINVAL);
  if ((how & (GRND_RANDOM | GRND_INSECURE)) === (GRND_RANDOM | GRND_INSECURE)) return fail(E.EINVAL);
  const wanted = Math.min(length, MAX_BYTES);
  const chunk = new Uint8Array(Math.min(wanted, CHUNK));
  let done = 0;
  while (done < wanted) {
    const part = chunk.subarray(0, Math.min(CHUNK, wanted - done));
    task.kernel.random.fill(part);
    const written = task.memory.tryWrite(userAddr(at + done), part);
    done += written;
    if (written < part.length) break;
  }
  return done === 0 && wanted > 0 ? fail(E.EFAULT) : done;
}
