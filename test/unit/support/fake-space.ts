/**
 * An AddressSpace in plain memory, for tests of memory management without guests: pages with
 * permissions, files from a table. Queued changes are made at `flush` or at the next access.
 */
import { E } from '../../../src/abi/errno.js';
import type { HostFd, UserAddr } from '../../../src/base/brand.js';
import type { AddressSpace, Context, MapRequest, Prot, Usage } from '../../../src/platform/platform.js';

const PAGE = 4096;

export interface FakePage {
  prot: Prot;
  readonly shared: boolean;
  bytes: Uint8Array;
}

/** Contents of host files, by descriptor. */
export type FakeFiles = ReadonlyMap<number, Uint8Array>;

export class FakeSpace implements AddressSpace {
  readonly hostPid = 0;
  readonly pages = new Map<number, FakePage>();
  readonly calls: string[] = [];
  /** What the next flush answers. */
  failNextFlush = 0;
  released = false;
  #queue: (() => void)[] = [];

  constructor(readonly files: FakeFiles = new Map()) {}

  get first(): Context {
    throw new Error('a fake space runs nothing');
  }

  map(request: MapRequest): void {
    this.calls.push(`map ${request.addr.toString(16)}+${request.length.toString(16)}`);
    this.#queue.push(() => this.#map(request));
  }

  #map({ addr, length, prot, shared, file }: MapRequest): void {
    for (let at = 0; at < length; at += PAGE) {
      const bytes = new Uint8Array(PAGE);
      const contents = file && this.files.get(file.fd);
      if (file && contents) bytes.set(contents.subarray(file.offset + at, file.offset + at + PAGE));
      this.pages.set(addr + at, { prot, shared, bytes });
    }
  }

  unmap(addr: UserAddr, length: number): void {
    this.calls.push(`unmap ${addr.toString(16)}+${length.toString(16)}`);
    this.#queue.push(() => this.#drop(addr, length));
  }

  readonly reusable = true;
  clear(): void {
    this.calls.push('clear');
    this.#queue.push(() => this.pages.clear());
  }

  #drop(addr: number, length: number): void {
    for (const at of [...this.pages.keys()]) if (at >= addr && at < addr + length) this.pages.delete(at);
  }

  protect(addr: UserAddr, length: number, prot: Prot): void {
    this.calls.push(`protect ${addr.toString(16)}+${length.toString(16)}=${prot}`);
    this.#queue.push(() => {
      for (const [at, page] of this.pages) if (at >= addr && at < addr + length) page.prot = prot;
    });
  }

  remap(from: UserAddr, fromLength: number, to: UserAddr, toLength: number): void {
    this.calls.push(`remap ${from.toString(16)} ${to.toString(16)}+${toLength.toString(16)}`);
    this.#queue.push(() => {
      const moved: FakePage[] = [];
      for (let at = 0; at < fromLength; at += PAGE) {
        const page = this.pages.get(from + at);
        if (page) moved.push(page);
      }
      const last = moved.at(-1);
      this.#drop(from, fromLength);
      for (let at = 0; at < toLength; at += PAGE) {
        const fresh = { prot: last?.prot ?? 0, shared: last?.shared ?? false, bytes: new Uint8Array(PAGE) };
        this.pages.set(to + at, moved[at / PAGE] ?? fresh);
      }
    });
  }

  advise(addr: UserAddr, length: number, advice: number): number {
    this.calls.push(`advise ${advice}`);
    if (advice === 4) {
      for (let at = 0; at < length; at += PAGE) this.pages.get(addr + at)?.bytes.fill(0);
    }
    return this.flush();
  }

  sync(): number {
    this.calls.push('sync');
    return this.flush();
  }

  resident(addr: UserAddr, length: number, into: Uint8Array): number {
    for (let at = 0; at < length; at += PAGE) into[at / PAGE] = this.pages.has(addr + at) ? 1 : 0;
    return this.flush();
  }

  touched(_addr: UserAddr, length: number, into: Uint8Array): number {
    into.fill(1, 0, length / 4096);
    return 0;
  }
  flush(): number {
    const result = this.failNextFlush;
    this.failNextFlush = 0;
    if (result < 0) {
      this.#queue = [];
      return result;
    }
    for (const change of this.#queue.splice(0)) change();
    return 0;
  }

  read(addr: UserAddr, into: Uint8Array): number {
    return this.#access(addr, into.length, 1, (page, offset, at, n) => {
      into.set(page.subarray(offset, offset + n), at);
    });
  }

  write(addr: UserAddr, from: Uint8Array): number {
    return this.#access(addr, from.length, 2, (page, offset, at, n) => {
      page.set(from.subarray(at, at + n), offset);
    });
  }

  #access(
    addr: number,
    length: number,
    prot: Prot,
    move: (page: Uint8Array, offset: number, at: number, n: number) => void,
  ): number {
    this.flush();
    let done = 0;
    while (done < length) {
      const at = addr + done;
      const page = this.pages.get(at - (at % PAGE));
      if (!page || !(page.prot & prot)) break;
      const n = Math.min(length - done, PAGE - (at % PAGE));
      move(page.bytes, at % PAGE, done, n);
      done += n;
    }
    return done;
  }

  readFile(): number {
    return -E.ENOSYS;
  }
  writeFile(): number {
    return -E.ENOSYS;
  }
  forgetFile(_fd: HostFd): void {}
  createContext(): Context {
    throw new Error('a fake space runs nothing');
  }

  fork(): FakeSpace {
    this.flush();
    const copy = new FakeSpace(this.files);
    for (const [at, page] of this.pages) {
      copy.pages.set(at, page.shared ? page : { ...page, bytes: page.bytes.slice() });
    }
    return copy;
  }

  release(): void {
    this.released = true;
  }
  markWord(): number {
    return 0;
  }
  barrier(): number {
    return 0;
  }
  residentBytes(): number {
    return this.pages.size * PAGE;
  }
  usage(): Usage {
    return { user: 0, system: 0, peakResidentBytes: this.residentBytes() };
  }
}
