/** Services that file systems ask for, over the real host's files and a clock that stands still. */
import type { HostFd } from '../../../src/base/brand.js';
import type { FileDescription } from '../../../src/kernel/fs/file-description.js';
import type { FileSystem, Inode } from '../../../src/kernel/fs/inode.js';
import { BufferSink, BufferSource } from '../../../src/kernel/fs/user-io.js';
import { Failure } from '../../../src/kernel/outcome.js';
import type { KernelServices } from '../../../src/kernel/services.js';
import { HostWaits } from '../../../src/kernel/time/host-waits.js';
import { newHostFiles } from '../../../src/platform/host/host-files.unsafe.js';

export const hostFiles = newHostFiles();

export function fsServices(more: object = {}): KernelServices {
  const services = {
    clock: { monotonic: () => 0, realtime: () => ({ sec: 1_000_000, nsec: 5 }) },
    hostFiles,
    hostWaits: new HostWaits(),
    random: { fill: (into: Uint8Array) => into.fill(7) },
    ...more,
  };
  return services as unknown as KernelServices;
}

export function ok<T>(result: T | Failure): T {
  if (result instanceof Failure) throw new Error(`failed with errno ${result.errno}`);
  return result;
}

/** The errno of a failure; 0 where it worked. */
export function errnoOf(result: unknown): number {
  return result instanceof Failure ? result.errno : 0;
}

export function rootFdOf(path: string): HostFd {
  const fd = hostFiles.openRoot(path);
  if (fd < 0) throw new Error(`cannot open ${path}`);
  return fd as HostFd;
}

/** The inode at a path without symlinks, found by lookups alone. */
export function at(fs: FileSystem, path: string): Inode | Failure {
  let inode: Inode | Failure = fs.root;
  for (const name of path.split('/').filter((n) => n !== '')) {
    if (inode instanceof Failure) return inode;
    inode = inode.lookup(name);
  }
  return inode;
}

export function read(file: FileDescription, length = 1 << 20, offset?: number): string {
  const sink = new BufferSink(new Uint8Array(length), hostFiles);
  const n = file.tryRead(sink, offset);
  if (typeof n !== 'number')
    throw new Error(`read failed: ${n instanceof Failure ? n.errno : 'would block'}`);
  return Buffer.from(sink.bytes).toString('latin1');
}

export function write(file: FileDescription, text: string, offset?: number): number {
  const n = file.tryWrite(new BufferSource(Buffer.from(text, 'latin1'), hostFiles), offset);
  if (typeof n !== 'number')
    throw new Error(`write failed: ${n instanceof Failure ? n.errno : 'would block'}`);
  return n;
}

export function contentOf(inode: Inode): string {
  const file = ok(inode.open(0, undefined));
  const text = read(file);
  file.release();
  return text;
}

/** Names of a directory, without "." and "..", in its order. */
export function namesOf(inode: Inode): string[] {
  const file = ok(inode.open(0o200000, undefined));
  const names: string[] = [];
  file.readDirectory(({ name }) => names.push(name) > 0);
  file.release();
  return names.filter((name) => name !== '.' && name !== '..');
}
