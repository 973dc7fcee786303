/** Device numbers of terminals; Linux: Documentation/admin-guide/devices.txt. */
import { makedev } from '../../../abi/mode.js';

export const PTS_MAJOR = 136;
/** /dev/tty and /dev/ptmx. */
export const TTYAUX_MAJOR = 5;
export const TTY_MINOR = 0;
export const PTMX_MINOR = 2;

/** What stat(2) shows for /dev/pts/N, and /proc/pid/stat as tty_nr. */
export function ptyDevice(index: number): number {
  return makedev(PTS_MAJOR, index);
}
