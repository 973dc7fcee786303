/**
 * A stub process as the host kernel knows it: pid by credentials, pidfd, and the socket through which
 * it is given descriptors. Never is the stub's own word taken for who it is.
 */
import { track } from '../../base/disposable.js';
import { receiveSenderPid, sendDescriptors } from '../host/fd-passing.unsafe.js';
import { close, ftruncate, memfdCreate, SYS, setsockopt, socketpair, syscall } from '../host/libc.unsafe.js';
import { check, HostMemory } from '../host/memory.unsafe.js';
import { scratch } from '../host/scratch.unsafe.js';
import { AREA_SIZE, AREAS, AREAS_SIZE } from './layout.js';
import { ThreadArea } from './thread-area.js';

const MFD_CLOEXEC = 1;
const AF_UNIX = 1;
const SOCK_SEQPACKET_CLOEXEC = 5 | 0x8_0000;
const SOL_SOCKET = 1;
const SO_PASSCRED = 16;
const SIGKILL = 9;

/** A connected pair of packet sockets: ours, the other's. */
export function packetSocketPair(): [number, number] {
  const s = scratch();
  check('socketpair', socketpair(AF_UNIX, SOCK_SEQPACKET_CLOEXEC, 0, s.address));
  return [s.view.getInt32(0, true), s.view.getInt32(4, true)];
}

export class StubProcess {
  readonly #memfd: number;
  readonly #socket: number;
  #theirSocket: number;
  readonly #memory: HostMemory;
  readonly #untrack = track('stub process');
  #pid = 0;
  #pidfd = -1;
  #released = false;

  constructor() {
    const opened: number[] = [];
    try {
      const [ours, theirs] = packetSocketPair();
      opened.push(ours, theirs);
      this.#socket = ours;
      this.#theirSocket = theirs;
      this.#memfd = check('memfd_create', memfdCreate('troupe-areas', MFD_CLOEXEC));
      opened.push(this.#memfd);
      check('ftruncate', ftruncate(this.#memfd, AREAS_SIZE));
      this.#memory = HostMemory.shared(this.#memfd, AREAS_SIZE);
    } catch (e) {
      for (const fd of opened) close(fd);
      this.#untrack();
      throw e;
    }
    const s = scratch();
    s.view.setInt32(0, 1, true);
    check('setsockopt', setsockopt(this.#socket, SOL_SOCKET, SO_PASSCRED, s.address, 4));
  }

  get pid(): number {
    return this.#pid;
  }
  get pidfd(): number {
    return this.#pidfd;
  }

  newArea(index: number, slot: number): ThreadArea {
    const offset = index * AREA_SIZE;
    const { address } = this.#memory;
    const area = new ThreadArea(this.#memory.view(offset, AREA_SIZE), AREAS + offset, address + offset);
    area.prepare(slot);
    return area;
  }

  /** Sends what the new process needs by the socket of its parent (a stub's, or the zygote's). */
  offerTo(parentSocket: number): void {
    sendDescriptors(parentSocket, [this.#memfd, this.#theirSocket]);
  }

  offerThrough(parent: StubProcess): void {
    this.offerTo(parent.#socket);
  }

  sendDescriptor(fd: number): void {
    sendDescriptors(this.#socket, [fd]);
  }

  /** Learns who the process is, once it has said hello; false while it has not. */
  identify(): boolean {
    if (this.#pidfd >= 0) return true;
    const pid = receiveSenderPid(this.#socket);
    if (pid === undefined || pid <= 0) return false;
    this.#pid = pid;
    this.#pidfd = check('pidfd_open', syscall(SYS.pidfd_open, pid, 0));
    // It has its own copies now; ours of its end would keep the socket alive after its death.
    close(this.#memfd);
    close(this.#theirSocket);
    this.#theirSocket = -1;
    return true;
  }

  kill(): void {
    if (this.#pidfd >= 0) syscall(SYS.pidfd_send_signal, this.#pidfd, SIGKILL, 0, 0);
  }

  interruptThread(hostTid: number, signal: number): void {
    // A hostile tid can only name a thread of this very process.
    if (this.#pid > 0) syscall(SYS.tgkill, this.#pid, hostTid, signal);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.kill();
    if (this.#theirSocket >= 0) {
      close(this.#theirSocket);
      close(this.#memfd);
    }
    if (this.#pidfd >= 0) close(this.#pidfd);
    close(this.#socket);
    this.#memory.unmap();
    this.#untrack();
  }
}
