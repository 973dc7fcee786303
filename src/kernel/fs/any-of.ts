/** Waiting on many files at once: poll(2), select(2). */
import type { Waitable } from '../wait.js';
import type { FileDescription } from './file-description.js';

export interface Watched {
  readonly file: FileDescription;
  /** Readiness bits of interest. */
  readonly mask: number;
}

/** Is notified when any of the files is. */
export function anyOf(watched: readonly Watched[]): Waitable {
  return {
    listen(_mask, wake) {
      const stops = watched.map(({ file, mask }) => file.listen(mask, wake));
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}
