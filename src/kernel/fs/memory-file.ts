/** What a memfd of the host holds, as plain data: how in-memory files that moved there are saved. */
import { SEEK_DATA, SEEK_HOLE } from '../../abi/open.js';
import type { HostFd } from '../../base/brand.js';
import type { HostFiles } from './host-files.js';

export type Piece = readonly [offset: number, bytes: Uint8Array];

const PIECE = 1 << 20;

/** Its data, without its holes. */
export function readMemory(host: Pick<HostFiles, 'pread' | 'lseek'>, fd: HostFd): Piece[] {
  const pieces: Piece[] = [];
  for (let at = host.lseek(fd, 0, SEEK_DATA); at >= 0; ) {
    const end = host.lseek(fd, at, SEEK_HOLE);
    while (at < end) {
      const bytes = new Uint8Array(Math.min(PIECE, end - at));
      const n = host.pread(fd, bytes, at);
      if (n <= 0) return pieces;
      pieces.push([at, bytes.subarray(0, n)]);
      at += n;
    }
    at = host.lseek(fd, end, SEEK_DATA);
  }
  return pieces;
}

/** A memfd with this content; a negative errno when the host has no room. */
export function newMemory(
  host: Pick<HostFiles, 'memfd' | 'ftruncate' | 'pwrite' | 'close'>,
  name: string,
  size: number,
  pieces: readonly Piece[],
): HostFd | number {
  const fd = host.memfd(name) as HostFd;
  if (fd < 0) return fd;
  let failed = host.ftruncate(fd, size);
  for (const [at, bytes] of pieces) if (failed >= 0) failed = host.pwrite(fd, bytes, at);
  if (failed >= 0) return fd;
  host.close(fd);
  return failed;
}
