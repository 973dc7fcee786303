/**
 * A task that is about to make one system call: registers, a piece of memory, and the services that
 * decoding and tracing look at. For tests of codecs and dispatch; FakeKernel runs whole guests.
 */
import { userAddr } from '../../../src/base/brand.js';
import { bytesOf } from '../../../src/base/bytes.js';
import { UserMemory } from '../../../src/kernel/mm/user-memory.js';
import type { SyscallTrace } from '../../../src/kernel/syscalls/syscall-trace.js';
import type { Task } from '../../../src/kernel/task/task.js';
import type { KernelEvent } from '../../../src/messages/events.js';
import type { AddressSpace } from '../../../src/platform/platform.js';

export const MEMORY_START = 0x1000;
const MEMORY_SIZE = 0x3000;
export const MEMORY_END = MEMORY_START + MEMORY_SIZE;

export class FakeCall {
  readonly bytes = new Uint8Array(MEMORY_SIZE);
  readonly memory: UserMemory;
  readonly events: KernelEvent[] = [];
  readonly task: Task;

  constructor(
    number: number,
    args: readonly (number | bigint)[] = [],
    options: { trace?: SyscallTrace; wants?: readonly KernelEvent['type'][] } = {},
  ) {
    this.memory = new UserMemory(this.#space(), 0x7fff_ffff_f000);
    const words = args.map((a) => BigInt.asUintN(64, BigInt(a)));
    const half = (i: number, shift: bigint): number => Number(((words[i] ?? 0n) >> shift) & 0xffff_ffffn);
    this.task = {
      tid: 12,
      group: { pid: 10 },
      memory: this.memory,
      context: {
        syscallNumber: () => number,
        argLo: (i: number) => half(i, 0n),
        argHi: (i: number) => half(i, 32n),
      },
      kernel: {
        ...(options.trace ? { syscallTrace: options.trace } : {}),
        events: {
          wants: (type: KernelEvent['type']) => options.wants?.includes(type) ?? false,
          emit: (event: KernelEvent) => this.events.push(event),
        },
        clock: { monotonic: () => 5 },
        tasks: { nextSequence: () => 1, shard: 0 },
      },
    } as unknown as Task;
  }

  /** Puts bytes, or a string with a NUL behind it, into the guest's memory; the result is its address. */
  put(at: number, what: string | Uint8Array): number {
    const bytes = typeof what === 'string' ? bytesOf(`${what}\0`) : what;
    this.bytes.set(bytes, at - MEMORY_START);
    return at;
  }

  get lines(): string[] {
    return this.events.flatMap((e) => (e.type === 'syscall' ? [e.line] : []));
  }

  #space(): AddressSpace {
    const within = (addr: number, length: number): number =>
      addr < MEMORY_START ? 0 : Math.max(0, Math.min(length, MEMORY_END - addr));
    return {
      read: (addr: number, into: Uint8Array) => {
        const length = within(addr, into.length);
        const at = userAddr(addr) - MEMORY_START;
        into.set(this.bytes.subarray(at, at + length));
        return length;
      },
      write: (addr: number, from: Uint8Array) => {
        const length = within(addr, from.length);
        this.bytes.set(from.subarray(0, length), addr - MEMORY_START);
        return length;
      },
    } as unknown as AddressSpace;
  }
}
