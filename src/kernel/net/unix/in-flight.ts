/**
 * Unix sockets that travel through Unix sockets. One whose every reference lies in queues of sockets
 * that nobody can reach either is garbage: its queue is dropped, which closes it. Models Linux's
 * net/unix/garbage.c.
 *
 * Owner: the network of a kernel.
 */
import type { FileDescription } from '../../fs/file-description.js';

/** A socket that can carry descriptions. */
export interface Carrier extends FileDescription {
  /** What lies in its queue, or in those of connections that it has not accepted. */
  carried(): Iterable<FileDescription>;
  dropCarried(): void;
}

function isCarrier(file: FileDescription): file is Carrier {
  return 'carried' in file && 'dropCarried' in file;
}

export class InFlight {
  private readonly _counts = new Map<Carrier, number>();

  landed(rights: readonly FileDescription[]): void {
    for (const file of rights) {
      if (isCarrier(file)) this._counts.set(file, (this._counts.get(file) ?? 0) + 1);
    }
  }

  taken(rights: readonly FileDescription[]): void {
    for (const file of rights) {
      if (!isCarrier(file)) continue;
      const left = (this._counts.get(file) ?? 1) - 1;
      if (left > 0) this._counts.set(file, left);
      else this._counts.delete(file);
    }
  }

  /** A reference to `file` went: when only queues hold it now, looks for what nobody can reach. */
  released(file: Carrier): void {
    const count = this._counts.get(file);
    if (count !== undefined && file.referenceCount === count) this._collect();
  }

  private _collect(): void {
    const garbage = new Set<Carrier>();
    for (const [file, count] of this._counts) if (file.referenceCount === count) garbage.add(file);
    // What a queue outside of the set holds can be reached: take it out until nothing changes.
    for (let before = -1; before !== garbage.size; ) {
      before = garbage.size;
      const inside = new Map<FileDescription, number>();
      for (const holder of garbage) {
        for (const file of holder.carried()) inside.set(file, (inside.get(file) ?? 0) + 1);
      }
      for (const file of garbage) if ((inside.get(file) ?? 0) < file.referenceCount) garbage.delete(file);
    }
    // Held while their queues are dropped, so that each closes once, when all are unlinked.
    for (const file of garbage) file.retain();
    for (const file of garbage) file.dropCarried();
    for (const file of garbage) file.release();
  }
}
