/** The end of the host process: exit_group(2), without what node does before it. */
import { syscall } from './libc.unsafe.js';

const EXIT_GROUP = 231;

export function exitProcess(status: number): never {
  syscall(EXIT_GROUP, status);
  throw new Error('exit_group(2) returned');
}
