/** A fake guest's address space: memory in JavaScript, changes made at once. */
import { E } from '../../abi/errno.js';
import type { HostFd, UserAddr } from '../../base/brand.js';
import type { AddressSpace, Context, MapRequest, Prot, Usage } from '../platform.js';
import { FakeContext } from './fake-context.js';
import { FakeMemory } from './fake-memory.js';
import type { FakePlatform } from './fake-platform.js';
import type { GuestProgram } from './guest-program.js';

const PAGE = 4096;

function* endsAtOnce(): ReturnType<GuestProgram> {
  // Nothing: a program comes by reset.
}

export class FakeAddressSpace implements AddressSpace {
  readonly first: FakeContext;
  readonly contexts: FakeContext[] = [];
  released = false;
  cpu = { user: 0, system: 0 };

  /** Its place among the platform's, from 1. */
  get hostPid(): number {
    return this.platform.spaces.indexOf(this) + 1;
  }

  constructor(
    readonly platform: FakePlatform,
    readonly memory: FakeMemory = new FakeMemory(),
    like?: FakeContext,
  ) {
    this.first = like ? like.childIn(this) : new FakeContext(this, endsAtOnce);
    this.contexts.push(this.first);
  }

  map({ addr, length, prot, shared }: MapRequest): void {
    this.memory.map(addr, length, { prot, shared });
  }
  unmap(addr: UserAddr, length: number): void {
    this.memory.unmap(addr, length);
  }
  protect(addr: UserAddr, length: number, prot: Prot): void {
    this.memory.protect(addr, length, prot);
  }
  remap(from: UserAddr, fromLength: number, to: UserAddr, toLength: number): void {
    this.memory.move(from, fromLength, to, toLength);
  }
  readonly reusable = true;
  clear(): void {
    this.memory.clear();
  }
  advise(): number {
    return 0;
  }
  sync(): number {
    return 0;
  }
  resident(_addr: UserAddr, length: number, into: Uint8Array): number {
    into.fill(1, 0, Math.ceil(length / PAGE));
    return 0;
  }
  touched(_addr: UserAddr, length: number, into: Uint8Array): number {
    into.fill(1, 0, Math.ceil(length / PAGE));
    return 0;
  }
  flush(): number {
    return 0;
  }
  read(addr: UserAddr, into: Uint8Array): number {
    return this.memory.copyOut(addr, into);
  }
  write(addr: UserAddr, from: Uint8Array): number {
    return this.memory.copyIn(addr, from);
  }
  readFile(_addr: UserAddr, _length: number, _fd: HostFd, _offset: number): number {
    return -E.EIO;
  }
  writeFile(_addr: UserAddr, _length: number, _fd: HostFd, _offset: number): number {
    return -E.EIO;
  }
  markWord(addr: UserAddr): number {
    const word = new Uint8Array(4);
    if (this.read(addr, word) !== 4) return -E.EFAULT;
    word[3] = (word[3] ?? 0) | 0x80;
    return this.write(addr, word) === 4 ? 0 : -E.EFAULT;
  }
  barrier(): number {
    return 0;
  }
  forgetFile(): void {}

  createContext(like: Context): FakeContext {
    const context = this.#own(like).childIn(this);
    this.contexts.push(context);
    return context;
  }
  fork(like: Context): FakeAddressSpace {
    return new FakeAddressSpace(this.platform, this.memory.fork(), this.#own(like));
  }
  release(): void {
    this.released = true;
    this.memory.clear();
  }
  residentBytes(): number {
    return this.memory.mappedBytes;
  }
  usage(): Usage {
    return { ...this.cpu, peakResidentBytes: this.memory.mappedBytes };
  }

  #own(context: Context): FakeContext {
    if (context instanceof FakeContext) return context;
    throw new TypeError('a context of another platform');
  }
}
