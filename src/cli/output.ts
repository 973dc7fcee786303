/** What troupe itself says: one line, on stderr, so that the guest's output stays its own. */
import { writeSync } from 'node:fs';

export function complain(message: string): void {
  const line = `troupe: ${message.replace(/\s*\n\s*/g, '; ')}\n`;
  try {
    // Straight to the descriptor: the process may exit before a stream would have flushed.
    writeSync(2, line);
  } catch {
    // stderr is closed or full: there is nobody to tell.
  }
}
