/** /proc/net: the one interface that guests have, and nothing that says more than is known. */
import { type Directory, fixedDirectory, type SyntheticFs, Text } from '../synthetic/synthetic-fs.js';

const DEV =
  'Inter-|   Receive                                                |  Transmit\n' +
  ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n' +
  '    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n';

const made = new WeakMap<SyntheticFs, Directory>();

export function netDirectory(fs: SyntheticFs): Directory {
  let directory = made.get(fs);
  if (!directory) {
    directory = fixedDirectory(fs, { dev: new Text(fs, () => DEV) });
    made.set(fs, directory);
  }
  return directory;
}
