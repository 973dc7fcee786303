/**
 * Control messages of sendmsg(2) and recvmsg(2), cmsg(3): SCM_RIGHTS carries descriptors,
 * SCM_CREDENTIALS says who sent; those of other levels are the protocols'.
 */
import { E } from '../../abi/errno.js';
import { cmsghdr, SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET, ucred } from '../../abi/socket.js';
import { SyscallError } from '../outcome.js';
import type { ControlItem } from './socket.js';

/** Most descriptors in one message. */
export const SCM_MAX_FD = 253;
const HEADER = cmsghdr.size;

const aligned = (length: number): number => Math.ceil(length / 8) * 8;

export interface SentControl {
  /** Descriptor numbers of the sender. */
  readonly fds: readonly number[];
  /** Those of other levels, for the protocols. */
  readonly others: readonly ControlItem[];
  readonly claims: { readonly pid: number; readonly uid: number; readonly gid: number } | undefined;
}

/** What a sender's control buffer says; EINVAL when it says nothing sensible. */
export function parseControl(bytes: Uint8Array): SentControl {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fds: number[] = [];
  const others: ControlItem[] = [];
  let claims: SentControl['claims'];
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const { len, level, type } = cmsghdr.read(view, at);
    if (len < HEADER || at + len > bytes.length) throw new SyscallError(E.EINVAL);
    if (level === SOL_SOCKET && type === SCM_RIGHTS) {
      for (let i = at + HEADER; i + 4 <= at + len; i += 4) fds.push(view.getInt32(i, true));
    } else if (level === SOL_SOCKET && type === SCM_CREDENTIALS) {
      if (len !== HEADER + ucred.size) throw new SyscallError(E.EINVAL);
      claims = ucred.read(view, at + HEADER);
    } else if (level === SOL_SOCKET) {
      throw new SyscallError(E.EINVAL);
    } else {
      others.push({ level, type, body: bytes.slice(at + HEADER, at + len) });
    }
    at += aligned(len);
  }
  if (fds.length > SCM_MAX_FD) throw new SyscallError(E.EINVAL);
  return { fds, claims, others };
}

/** Fills a receiver's control buffer, as far as it goes. */
export class ControlWriter {
  private readonly _bytes: Uint8Array;
  private readonly _view: DataView;
  private _end = 0;
  truncated = false;

  constructor(size: number) {
    this._bytes = new Uint8Array(size);
    this._view = new DataView(this._bytes.buffer);
  }

  get bytes(): Uint8Array {
    return this._bytes.subarray(0, this._end);
  }

  /** How many descriptors there is room for. */
  get roomForFds(): number {
    return Math.max(0, Math.floor((this._bytes.length - this._end - HEADER) / 4));
  }

  addFds(fds: readonly number[]): void {
    const body = new Uint8Array(Int32Array.from(fds).buffer);
    this.add(SOL_SOCKET, SCM_RIGHTS, body);
  }

  addCredentials(who: { pid: number; uid: number; gid: number }): void {
    this.add(SOL_SOCKET, SCM_CREDENTIALS, ucred.encode(who));
  }

  add(level: number, type: number, body: Uint8Array): void {
    const room = this._bytes.length - this._end;
    if (room < HEADER) {
      this.truncated = true;
      return;
    }
    const length = Math.min(room, HEADER + body.length);
    if (length < HEADER + body.length) this.truncated = true;
    cmsghdr.write(this._view, this._end, { len: length, level, type });
    this._bytes.set(body.subarray(0, length - HEADER), this._end + HEADER);
    this._end = Math.min(this._bytes.length, this._end + aligned(length));
  }
}
