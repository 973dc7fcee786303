/**
 * Names of Unix sockets, unix(7): a path, or an abstract name, which begins with a NUL and is all the
 * bytes there are. A socket without a name shows only its family.
 */
import { E } from '../../../abi/errno.js';
import { AF_UNIX, SOCKADDR_UN_SIZE, UNIX_PATH_OFFSET } from '../../../abi/socket.js';
import { bytesOf, latin1 } from '../../../base/bytes.js';
import { type Failure, fail } from '../../outcome.js';

export interface UnixAddress {
  readonly kind: 'path' | 'abstract';
  readonly name: string;
  /** The whole sockaddr_un, as getsockname shows it. */
  readonly bytes: Uint8Array;
}

export const UNNAMED = Uint8Array.of(AF_UNIX, 0);

/** `auto`: only a family, which binds to a name that the kernel makes up. */
export function parseUnixAddress(address: Uint8Array): UnixAddress | 'auto' | Failure {
  if (address.length < UNIX_PATH_OFFSET || address.length > SOCKADDR_UN_SIZE) return fail(E.EINVAL);
  if (address[0] !== AF_UNIX || address[1] !== 0) return fail(E.EINVAL);
  const name = latin1(address.subarray(UNIX_PATH_OFFSET));
  if (name === '') return 'auto';
  if (name[0] === '\0') return abstractAddress(name.slice(1));
  const end = name.indexOf('\0');
  const path = end < 0 ? name : name.slice(0, end);
  return { kind: 'path', name: path, bytes: withFamily(`${path}\0`) };
}

export function abstractAddress(name: string): UnixAddress {
  return { kind: 'abstract', name, bytes: withFamily(`\0${name}`) };
}

function withFamily(path: string): Uint8Array {
  const bytes = new Uint8Array(UNIX_PATH_OFFSET + path.length);
  bytes[0] = AF_UNIX;
  bytes.set(bytesOf(path), UNIX_PATH_OFFSET);
  return bytes;
}
