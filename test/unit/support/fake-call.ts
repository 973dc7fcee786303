/**
 * A task that is about to make one system call: registers, a piece of memory, and the services that
 * decoding and tracing look at. For tests of codecs and dispatch; FakeKernel runs whole guests.
 */
import { userAddr } from '../../../src/base/brand.js';
import { bytesOf } from '../../../src/base/bytes.js';
import { silentLog } from '../../../src/base/log.js';
import { UserMemory } from '../../../src/kernel/mm/user-memory.js';
import type { Task } from '../../../src/kernel/task/task.js';
import { CallWatch } from '../../../src/kernel/watch/call-watch.js';
import { EventFilter } from '../../../src/kernel/watch/event-filter.js';
import type { Interceptor } from '../../../src/kernel/watch/interceptor.js';
import { straceLine } from '../../../src/kernel/watch/strace-line.js';
import type { EventType, KernelEvent } from '../../../src/messages/events.js';
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
    options: { wants?: readonly EventType[]; syscalls?: string; interceptors?: readonly Interceptor[] } = {},
  ) {
    this.memory = new UserMemory(this.#space(), 0x7fff_ffff_f000);
    const words = args.map((a) => BigInt.asUintN(64, BigInt(a)));
    const half = (i: number, shift: bigint): number => Number(((words[i] ?? 0n) >> shift) & 0xffff_ffffn);
    const { wants = [], syscalls } = options;
    const filter = new EventFilter({ types: wants, ...(syscalls === undefined ? {} : { syscalls }) });
    const calls = new CallWatch();
    calls.filters = [filter];
    calls.interceptors = options.interceptors ?? [];
    this.task = {
      tid: 12,
      comm: 'fake',
      creds: { euid: 0, egid: 0 },
      group: { pid: 10, pgid: 3, tasks: [] },
      memory: this.memory,
      context: {
        syscallNumber: () => number,
        argLo: (i: number) => half(i, 0n),
        argHi: (i: number) => half(i, 32n),
      },
      kernel: {
        calls,
        events: {
          wants: (type: EventType) => wants.includes(type),
          emit: (event: KernelEvent) => this.events.push(event),
        },
        clock: { monotonic: () => 5 },
        log: silentLog,
        tasks: { shard: 0 },
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
    return this.events.flatMap((e) => straceLine(e) ?? []);
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
