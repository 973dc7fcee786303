/** Whoever waits at a terminal for a kernel to be saved or loaded sees how far it is. */
import type { SaveProgress } from '../index.js';

/** Does `act`, and shows how far it is where stderr is a terminal; elsewhere nothing is asked for or loaded. */
export async function shown<T>(
  what: 'saving' | 'loading',
  act: (onProgress: ((progress: SaveProgress) => void) | undefined) => Promise<T>,
): Promise<T> {
  if (!process.stderr.isTTY) return act(undefined);
  const { ProgressBar } = await import('./progress-bar.js');
  const bar = new ProgressBar(what);
  try {
    return await act(bar.show);
  } finally {
    bar.close();
  }
}
