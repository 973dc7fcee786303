/** An operation of the kernel that could not be done, as embedders see it. */
import { errnoName } from '../abi/errno.js';
import type { KernelErrorCode, OperationError, OperationResult } from '../messages/kernel.js';

export class KernelError extends Error {
  override readonly name = 'KernelError';
  /** What stood in the way, or the name of an errno. */
  readonly code: KernelErrorCode | (string & {});

  constructor({ code, errno, message }: OperationError) {
    super(message);
    this.code = code ?? errnoName(errno);
  }
}

/** The value of an operation; throws KernelError. */
export function unwrap<T>(result: OperationResult<T>): T {
  if (result.type === 'error') throw new KernelError(result);
  return result.value;
}
