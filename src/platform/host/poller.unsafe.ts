/** One epoll instance, epoll(7): who waits for which host descriptor. Level-triggered. */
import { close, epollCreate1, epollCtl, errno, SYS, syscall } from './libc.unsafe.js';
import { check, HostError } from './memory.unsafe.js';
import { scratch } from './scratch.unsafe.js';

const EPOLL_CLOEXEC = 0x8_0000;
const CTL = { ADD: 1, DEL: 2, MOD: 3 } as const;
const EVENT_SIZE = 12;
const MAX_EVENTS = 64;
const EVENTS = 1024;
const POLL = 7;
const EINTR = 4;
const EPERM = 1;

type Ready = (events: number) => void;

export class HostPoller {
  readonly #epoll = check('epoll_create1', epollCreate1(EPOLL_CLOEXEC));
  /** Callbacks by descriptor; several may watch one. */
  readonly #watches = new Map<number, Map<Ready, number>>();
  readonly #callbacks: Ready[] = [];

  watch(fd: number, events: number, ready: Ready): () => void {
    const here = this.#watches.get(fd);
    const watches = here ?? new Map<Ready, number>();
    watches.set(ready, events);
    this.#watches.set(fd, watches);
    this.#control(here ? CTL.MOD : CTL.ADD, fd);
    return () => {
      if (!watches.delete(ready) || this.#watches.get(fd) !== watches) return;
      if (watches.size > 0) this.#control(CTL.MOD, fd);
      else {
        this.#watches.delete(fd);
        this.#control(CTL.DEL, fd);
      }
    };
  }

  #control(operation: number, fd: number): void {
    const s = scratch();
    let events = 0;
    for (const e of this.#watches.get(fd)?.values() ?? []) events |= e;
    s.view.setUint32(0, events, true);
    s.view.setInt32(4, fd, true);
    s.view.setInt32(8, 0, true);
    if (epollCtl(this.#epoll, operation, fd, s.address) < 0 && operation !== CTL.DEL) {
      // Regular files cannot be polled: they are always ready, and nobody should wait for one.
      if (errno() !== EPERM) throw new HostError('epoll_ctl', errno());
    }
  }

  /** Waits at most `timeoutNs` and calls back for what is ready. */
  wait(timeoutNs: number): void {
    const s = scratch();
    let timespec = 0;
    if (Number.isFinite(timeoutNs)) {
      s.setU64(0, Math.floor(timeoutNs / 1e9));
      s.setU64(8, Math.max(0, Math.floor(timeoutNs % 1e9)));
      timespec = s.address;
    }
    const n = syscall(SYS.epoll_pwait2, this.#epoll, s.address + EVENTS, MAX_EVENTS, timespec, 0, 0);
    if (n < 0) {
      if (errno() === EINTR) return;
      throw new HostError('epoll_pwait2', errno());
    }
    if (n > 0) this.#dispatch(n);
  }

  /** Copies what the host said before calling back: callbacks make host calls of their own. */
  #dispatch(n: number): void {
    const s = scratch();
    const fired: [number, number][] = [];
    for (let i = 0; i < n; i++) {
      const at = EVENTS + i * EVENT_SIZE;
      fired.push([s.view.getInt32(at + 4, true), s.view.getUint32(at, true)]);
    }
    for (const [fd, events] of fired) {
      this.#callbacks.length = 0;
      for (const [ready, mask] of this.#watches.get(fd) ?? []) {
        if (events & (mask | 0x18)) this.#callbacks.push(ready);
      }
      for (const ready of [...this.#callbacks]) ready(events);
    }
  }

  /** Whether a descriptor is readable right now. */
  isReadable(fd: number): boolean {
    const s = scratch();
    s.view.setInt32(0, fd, true);
    s.view.setInt32(4, 1, true);
    return syscall(POLL, s.address, 1, 0) > 0;
  }

  dispose(): void {
    close(this.#epoll);
    this.#watches.clear();
  }
}
