/**
 * A platform without guests, for tests: programs are generators (guest-program.ts), each trap is a
 * yield. `poll` lets every running guest come to its next trap, in the order they were resumed.
 */
import { present } from '../../base/assert.js';
import { type HostFd, type UserAddr, userAddr } from '../../base/brand.js';
import type { ForeignMemory, Platform, TrapSink } from '../platform.js';
import { FakeAddressSpace } from './fake-address-space.js';
import type { FakeContext } from './fake-context.js';
import type { GuestProgram } from './guest-program.js';

export class FakePlatform implements Platform {
  readonly name = 'fake';
  readonly minAddress = userAddr(0x1_0000);
  readonly maxAddress = userAddr(0x7fff_ffff_f000);
  readonly spaces: FakeAddressSpace[] = [];
  #sink: TrapSink | undefined;
  #running: FakeContext[] = [];
  readonly #programs = new Map<number, GuestProgram>();

  attach(sink: TrapSink): void {
    this.#sink = sink;
  }

  createAddressSpace(): FakeAddressSpace {
    const space = new FakeAddressSpace(this);
    this.spaces.push(space);
    return space;
  }

  foreignMemory(hostPid: number): ForeignMemory {
    const space = present(this.spaces[hostPid - 1], `address space ${hostPid}`);
    return {
      read: (addr, into) => space.read(addr, into),
      write: (addr, from) => space.write(addr, from),
      residentBytes: () => space.residentBytes(),
      usage: () => space.usage(),
    };
  }
  forgetFile(): void {}

  /** What runs when a guest gets to this address: an entry point or a signal handler. */
  place(addr: UserAddr, program: GuestProgram): void {
    this.#programs.set(addr, program);
  }

  programAt(addr: UserAddr): GuestProgram {
    return present(this.#programs.get(addr), `program at ${addr}`);
  }

  /** A context was resumed, or is to be interrupted. */
  ready(context: FakeContext): void {
    if (!this.#running.includes(context)) this.#running.push(context);
  }

  poll(): number {
    const running = this.#running;
    this.#running = [];
    let traps = 0;
    for (const context of running) {
      if (context.stopped || context.released || context.addressSpace.released) continue;
      if (!context.advance()) {
        this.ready(context);
        continue;
      }
      traps++;
      this.#sink?.onTrap(context);
    }
    return traps;
  }

  /** The host process behind a space dies of itself. */
  die(space: FakeAddressSpace, why: string): void {
    space.released = true;
    this.#sink?.onDeath(space, why);
  }

  leaveThread(): void {}

  park(): void {}
  setClockShift(): void {}
  watch(_fd: HostFd, _events: number, _ready: (events: number) => void): () => void {
    return () => {};
  }
  dispose(): void {
    this.#running = [];
  }
}
