/**
 * The one queue of operations from outside: the role that `Kernel.extMu` has in gVisor's
 * pkg/sentry/kernel/kernel.go. The next operation begins when the one before has settled.
 */
import { concatMap, defer, Subject } from 'rxjs';

export class OperationQueue {
  readonly #operations = new Subject<() => Promise<void>>();

  constructor() {
    this.#operations.pipe(concatMap((run) => defer(run))).subscribe();
  }

  /** Takes its turn; settles as `run` does. */
  add<T>(run: () => Promise<T> | T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#operations.next(async () => {
        try {
          resolve(await run());
        } catch (e) {
          reject(e);
        }
      });
    });
  }
}
