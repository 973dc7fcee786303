/** Operations that wait for the Kernel actor's answer: none waits for ever when the kernel goes away. */
import { E } from '../abi/errno.js';
import { type OperationError, type OperationResult, refused } from '../messages/kernel.js';
import { KernelError, unwrap } from './kernel-error.js';

export class PendingCalls {
  readonly #waiting = new Set<(error: KernelError) => void>();
  #over: OperationError | undefined;

  /** The value of an operation; throws KernelError. */
  async ask<T>(operation: () => Promise<OperationResult<T>>): Promise<T> {
    return unwrap(await this.plain(operation));
  }

  /** Of one that always has a value. */
  plain<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#over) return Promise.reject(new KernelError(this.#over));
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      operation()
        .finally(() => this.#waiting.delete(reject))
        .then(resolve, reject);
    });
  }

  /** The kernel is gone. */
  end(why: string): void {
    this.#over = refused('Closed', E.ESRCH, why);
    for (const reject of this.#waiting) reject(new KernelError(this.#over));
    this.#waiting.clear();
  }
}
