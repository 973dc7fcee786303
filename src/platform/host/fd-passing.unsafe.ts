/** Descriptors over Unix sockets, unix(7): SCM_RIGHTS out, SCM_CREDENTIALS in. */
import { recvmsg, sendmsg } from './libc.unsafe.js';
import { check } from './memory.unsafe.js';
import { scratch } from './scratch.unsafe.js';

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SCM_CREDENTIALS = 2;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Where the parts of a message lie in the scratch memory. */
const HEADER = 0;
const IOVEC = 64;
const DATA = 96;
const CONTROL = 128;
const CONTROL_ROOM = 128;

function prepare(controlLength: number): void {
  const s = scratch();
  for (let i = 0; i < CONTROL + CONTROL_ROOM; i += 4) s.view.setUint32(i, 0, true);
  s.setU64(HEADER + 16, s.address + IOVEC);
  s.setU64(HEADER + 24, 1);
  s.setU64(HEADER + 32, controlLength === 0 ? 0 : s.address + CONTROL);
  s.setU64(HEADER + 40, controlLength);
  s.setU64(IOVEC, s.address + DATA);
  s.setU64(IOVEC + 8, 1);
}

/** Sends one byte with descriptors attached. */
export function sendDescriptors(socket: number, fds: readonly number[]): void {
  const s = scratch();
  const length = 16 + 4 * fds.length;
  prepare(Math.ceil(length / 8) * 8);
  s.setU64(CONTROL, length);
  s.view.setInt32(CONTROL + 8, SOL_SOCKET, true);
  s.view.setInt32(CONTROL + 12, SCM_RIGHTS, true);
  fds.forEach((fd, i) => {
    s.view.setInt32(CONTROL + 16 + 4 * i, fd, true);
  });
  check('sendmsg', sendmsg(socket, s.address + HEADER, MSG_NOSIGNAL | MSG_DONTWAIT));
}

/** The pid of whoever sent the next message, as the host kernel says; undefined when there is none. */
export function receiveSenderPid(socket: number): number | undefined {
  const s = scratch();
  prepare(CONTROL_ROOM);
  if (recvmsg(socket, s.address + HEADER, MSG_DONTWAIT) < 0) return undefined;
  const isCredentials =
    s.view.getInt32(CONTROL + 8, true) === SOL_SOCKET &&
    s.view.getInt32(CONTROL + 12, true) === SCM_CREDENTIALS;
  return isCredentials ? s.view.getInt32(CONTROL + 16, true) : undefined;
}
