/** Failures of the host as failures of the guest's call. */
import { E, type Errno, errnoName } from '../../abi/errno.js';
import { type Failure, fail } from '../outcome.js';

/** `result` is a negative errno of the host. */
export function hostFailure(result: number): Failure {
  const errno = -result;
  // The host's table is full, not the guest's.
  if (errno === E.EMFILE) return fail(E.ENFILE);
  return fail(errnoName(errno) === `E${errno}` ? E.EIO : (errno as Errno));
}
