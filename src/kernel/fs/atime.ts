/** Whether a read changes the access time: mount(8) relatime, noatime, strictatime; O_NOATIME. */
import { MS_NOATIME, MS_NODIRATIME, MS_STRICTATIME } from '../../abi/mount.js';
import { O_NOATIME } from '../../abi/open.js';
import type { Timespec } from '../../base/clock.js';
import type { VfsPath } from './path.js';

interface Times {
  readonly atime: Timespec;
  readonly mtime: Timespec;
  readonly ctime: Timespec;
}

const DAY = 86_400;

/** `nowSec` is asked only where the day-old rule of relatime decides. */
export function readTouches(
  times: Times,
  path: VfsPath | undefined,
  flags: number,
  options: { directory: boolean; nowSec: () => number },
): boolean {
  const mount = path?.mount.flags ?? 0;
  if (flags & O_NOATIME || mount & MS_NOATIME) return false;
  if (options.directory && mount & MS_NODIRATIME) return false;
  if (mount & MS_STRICTATIME) return true;
  const { atime, mtime, ctime } = times;
  if (!later(atime, mtime) || !later(atime, ctime)) return true;
  return options.nowSec() - atime.sec >= DAY;
}

function later(a: Timespec, b: Timespec): boolean {
  return a.sec > b.sec || (a.sec === b.sec && a.nsec > b.nsec);
}
