/**
 * What waits in a host stream to be read, looked at without taking it: tee(2) of a pipe into another, recv(2) of a
 * socket with MSG_PEEK.
 */
import * as libc from './libc-files.unsafe.js';
import { hostPipe } from './pipes.unsafe.js';

const FIONREAD = 0x541b;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const SPLICE_F_NONBLOCK = 2;
const MSG_PEEK = 0x2;
const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
const EBADF = 9;
const ENOBUFS = 105;

/** All of it; a negative errno, ENOBUFS where not all of it can be looked at. */
export function peekStream(fd: number, how: 'pipe' | 'socket'): Uint8Array | number {
  const size = Buffer.alloc(4);
  const failed = libc.outcome(libc.ioctl(fd, FIONREAD, size));
  if (failed < 0) return failed;
  const bytes = new Uint8Array(size.readInt32LE(0));
  if (bytes.length === 0) return bytes;
  const n = how === 'pipe' ? peekPipe(fd, bytes) : peekSocket(fd, bytes);
  // Somebody else has read it meanwhile; or this is the end that is written to, which has nothing to read.
  if (n === -EAGAIN || n === -EBADF) return new Uint8Array(0);
  if (n < 0) return n;
  return n < bytes.length ? -ENOBUFS : bytes;
}

function peekSocket(fd: number, into: Uint8Array): number {
  return libc.outcome(libc.recv(fd, into, into.length, MSG_PEEK | MSG_DONTWAIT));
}

/** A copy holds as many pieces as the pipe does: it must be as large as that. */
function peekPipe(fd: number, into: Uint8Array): number {
  const [from, to] = hostPipe();
  try {
    libc.fcntl(to, F_SETPIPE_SZ, libc.fcntl(fd, F_GETPIPE_SZ, 0));
    const n = libc.outcome(libc.tee(fd, to, into.length, SPLICE_F_NONBLOCK));
    let done = 0;
    while (done < n) {
      const got = libc.outcome(libc.read(from, into.subarray(done), n - done));
      if (got <= 0) return got;
      done += got;
    }
    return n;
  } finally {
    libc.close(from);
    libc.close(to);
  }
}
