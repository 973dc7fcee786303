/**
 * The zygote: the process from which all stub processes of a shard are forked. Made of an ELF that
 * TypeScript assembles into a memfd; spawned by the shard's thread, dies with it (PDEATHSIG fires when
 * the *thread* that forked ends), and its children die with it.
 */
import { track } from '../../base/disposable.js';
import {
  close,
  fileActionsAddDup2,
  fileActionsDestroy,
  fileActionsInit,
  memfdCreate,
  posixSpawn,
  SYS,
  syscall,
  waitpid,
  write,
} from '../host/libc.unsafe.js';
import { check, HostError } from '../host/memory.unsafe.js';
import { scratch } from '../host/scratch.unsafe.js';
import type { LaneDescriptors } from './lane-page.unsafe.js';
import { STUB_DOORBELL, STUB_LANE_DOORBELL, STUB_SOCKET } from './layout.js';
import { packetSocketPair, type StubProcess } from './stub-process.unsafe.js';
import { LANE_PAGE_FD } from './zygote-image.js';

const MFD_CLOEXEC_EXEC = 1 | 0x10;
const MFD_CLOEXEC = 1;
const SHARD_PAGE_FD = 2;
const TIME_PAGE_FD = 3;
const SIGKILL = 9;

/** What the zygote and its children have besides their own code. */
export interface ZygoteParts {
  readonly doorbell: number;
  readonly shardPageFd: number;
  readonly timePageFd: number;
  readonly lane: LaneDescriptors | undefined;
}

export class Zygote {
  readonly #socket: number;
  readonly #pid: number;
  readonly #untrack = track('zygote');

  constructor(image: Uint8Array, { doorbell, shardPageFd, timePageFd, lane }: ZygoteParts) {
    const [ours, theirs] = packetSocketPair();
    this.#socket = ours;
    const memfd = writeMemfd(image);
    try {
      this.#pid = spawn(memfd, [
        [theirs, STUB_SOCKET],
        [doorbell, STUB_DOORBELL],
        [shardPageFd, SHARD_PAGE_FD],
        [timePageFd, TIME_PAGE_FD],
        ...(lane
          ? ([
              [lane.bell, STUB_LANE_DOORBELL],
              [lane.page, LANE_PAGE_FD],
            ] as const)
          : []),
      ]);
    } finally {
      close(memfd);
      close(theirs);
    }
  }

  get pid(): number {
    return this.#pid;
  }

  /** Asks for a process; it introduces itself on its own socket when it is there. */
  fork(into: StubProcess): void {
    into.offerTo(this.#socket);
  }

  /** Ends it, and what it has forked. */
  kill(): void {
    close(this.#socket);
    syscall(SYS.kill, this.#pid, SIGKILL);
  }

  /** Until it is gone; after `kill`. */
  wait(): void {
    waitpid(this.#pid, 0, 0);
    this.#untrack();
  }
}

function writeMemfd(image: Uint8Array): number {
  let fd = memfdCreate('troupe-zygote', MFD_CLOEXEC_EXEC);
  if (fd < 0) fd = check('memfd_create', memfdCreate('troupe-zygote', MFD_CLOEXEC)); // before Linux 6.3
  const s = scratch();
  s.data.set(image);
  check('write', write(fd, s.dataAddress, image.length));
  return fd;
}

/** Spawns the memfd's program with just these descriptors, [from, to] each. */
function spawn(memfd: number, fds: readonly (readonly [number, number])[]): number {
  const s = scratch();
  const actions = s.address + 1024;
  const argv = s.address + 512;
  check('posix_spawn_file_actions_init', -fileActionsInit(actions));
  // First to numbers above all of them: a source may be the target of another. fcntl(2) would do, but not here.
  const far = 1 + Math.max(memfd, ...fds.flat());
  fds.forEach(([from], i) => {
    fileActionsAddDup2(actions, from, far + i);
  });
  fileActionsAddDup2(actions, memfd, far + fds.length);
  fds.forEach(([, to], i) => {
    fileActionsAddDup2(actions, far + i, to);
  });
  s.data.set(new TextEncoder().encode('troupe\0'));
  s.setU64(512, s.dataAddress); // argv: one string, then NULL, which is also the empty environment
  s.setU64(520, 0);
  const error = posixSpawn(s.address, `/proc/self/fd/${far + fds.length}`, actions, 0, argv, argv + 8);
  fileActionsDestroy(actions);
  if (error !== 0) throw new HostError('posix_spawn', error);
  return s.view.getInt32(0, true);
}

/** Whether prctl knows Syscall User Dispatch (Linux 5.11); switching it off for ourselves changes nothing. */
export function hasUserDispatch(): boolean {
  return syscall(SYS.prctl, 59, 0, 0, 0, 0) === 0;
}
