/**
 * A bar on stderr that shows how far saving or loading a kernel is. It is there for a person who waits: only where
 * stderr is a terminal, and gone when all is done, so that what the guest shows begins where it would have.
 */
import { Presets, SingleBar } from 'cli-progress';
import type { SaveProgress } from '../index.js';

const MIB = 1 << 20;
/** Columns of the bar itself; with the words beside it, it fits into 80. */
const BAR_SIZE = 30;

export class ProgressBar {
  readonly #bar: SingleBar;

  /** `what` is under way: "saving", "loading". */
  constructor(what: string) {
    this.#bar = new SingleBar(
      {
        format: `${what} [{bar}] {percentage}% {moved}`,
        stream: process.stderr,
        barsize: BAR_SIZE,
        clearOnComplete: true,
        emptyOnZero: true,
        // The terminal is left as it is: whoever kills this process in the middle finds it usable.
        hideCursor: false,
        linewrap: true,
      },
      Presets.legacy,
    );
    this.#bar.start(0, 0, { moved: '' });
  }

  /** Shows it; the bytes of a phase whose end is not known move no bar. */
  readonly show = ({ phase, done, total }: SaveProgress): void => {
    this.#bar.setTotal(total);
    this.#bar.update(total === 0 ? 0 : done, {
      moved: total === 0 ? phase : `${phase} ${moved(done, total)}`,
    });
  };

  close(): void {
    this.#bar.stop();
  }
}

function moved(done: number, total: number): string {
  return `${(done / MIB).toFixed(1)}/${(total / MIB).toFixed(1)} MiB`;
}
