/** Descriptors that troupe itself makes on the host: pipes to the embedder, the shard's bell. */
import { eventfd, read, syscall } from './libc.unsafe.js';
import { check } from './memory.unsafe.js';
import { scratch } from './scratch.unsafe.js';

const SYS_PIPE2 = 293;
const O_CLOEXEC = 0x8_0000;
const EFD_NONBLOCK = 0x800;

/** Read end, write end. */
export function hostPipe(): [number, number] {
  const s = scratch();
  check('pipe2', syscall(SYS_PIPE2, s.address, O_CLOEXEC));
  return [s.view.getInt32(0, true), s.view.getInt32(4, true)];
}

export function hostEventfd(): number {
  return check('eventfd', eventfd(0, EFD_NONBLOCK | O_CLOEXEC));
}

/** Takes the count of an eventfd back to 0. */
export function drainEventfd(fd: number): void {
  read(fd, scratch().address, 8);
}
