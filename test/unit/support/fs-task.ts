/**
 * A task with files, a root and memory, for tests of the file system calls: `call` decodes registers and
 * runs the handler as dispatch does, without a platform below.
 */
import { type UserAddr, userAddr } from '../../../src/base/brand.js';
import { bytesOf } from '../../../src/base/bytes.js';
import type { Credentials } from '../../../src/kernel/auth/credentials.js';
import { FdTable } from '../../../src/kernel/fs/fd-table.js';
import { FsContext } from '../../../src/kernel/fs/fs-context.js';
import { UserMemory } from '../../../src/kernel/mm/user-memory.js';
import { Failure, type Outcome, type Result, SyscallError } from '../../../src/kernel/outcome.js';
import type { Declaration } from '../../../src/kernel/syscalls/declare.js';
import { ResourceLimits } from '../../../src/kernel/task/limits.js';
import type { Task } from '../../../src/kernel/task/task.js';
import type { AddressSpace } from '../../../src/platform/platform.js';
import { hostFiles } from './file-system.js';
import { root, testContext } from './vfs.js';

export const BASE = 0x10_0000;
const SIZE = 0x10_0000;
/** Where strings of calls are put, one after the other. */
const STRINGS = BASE + SIZE - 0x1_0000;

export class FsTask {
  readonly bytes = new Uint8Array(SIZE);
  readonly memory = new UserMemory(this.#space(), 0x7fff_ffff_f000);
  readonly task: Task;
  readonly signals: number[] = [];
  readonly limits = ResourceLimits.defaults(100);
  #strings = STRINGS;

  constructor(options: { creds?: Credentials } = {}) {
    const { mounts } = testContext();
    const signals = this.signals;
    const group = { pid: 10, limits: this.limits, exiting: 1 };
    this.task = {
      tid: 10,
      group,
      memory: this.memory,
      files: new FdTable(),
      fs: FsContext.at(mounts),
      creds: options.creds ?? root,
      state: { name: 'running' },
      pending: { add: (info: { signo: number }) => signals.push(info.signo) },
      kernel: { hostFiles, clock: { realtime: () => ({ sec: 5, nsec: 6 }), monotonic: () => 0 } },
    } as unknown as Task;
  }

  /** The result, negative for an errno; a call that would wait gives the generator. */
  start(declarations: readonly Declaration[], name: string, ...args: (number | string)[]): Result {
    const declaration = declarations.find((d) => d.name === name);
    if (!declaration) throw new Error(`no ${name}`);
    const words = args.map((a) => (typeof a === 'string' ? this.string(a) : a));
    try {
      const values = declaration.args.map((a, i) => {
        const word = BigInt.asUintN(64, BigInt(words[i] ?? 0));
        return a.codec.decode(this.task, Number(word & 0xffff_ffffn), Number(word >> 32n));
      });
      return (declaration.handler as (...all: unknown[]) => Result)(this.task, ...values);
    } catch (e) {
      if (e instanceof SyscallError) return -e.errno;
      throw e;
    }
  }

  call(declarations: readonly Declaration[], name: string, ...args: (number | string)[]): number {
    const result = this.start(declarations, name, ...args);
    if (typeof result === 'number') return result;
    if (result instanceof Failure) return -result.errno;
    throw new Error(`${name} did not return`);
  }

  string(text: string): UserAddr {
    const bytes = bytesOf(`${text}\0`);
    if (this.#strings + bytes.length > BASE + SIZE) this.#strings = STRINGS;
    const at = this.#strings;
    this.bytes.set(bytes, at - BASE);
    this.#strings += bytes.length;
    return userAddr(at);
  }

  text(at: number, length: number): string {
    return Buffer.from(this.bytes.subarray(at - BASE, at - BASE + length)).toString('latin1');
  }

  view(at: number): DataView {
    return new DataView(this.bytes.buffer, at - BASE);
  }

  #space(): AddressSpace {
    const within = (addr: number, length: number): number =>
      addr < BASE ? 0 : Math.max(0, Math.min(length, BASE + SIZE - addr));
    const space = {
      read: (addr: number, into: Uint8Array): number => {
        const n = within(addr, into.length);
        if (n > 0) into.set(this.bytes.subarray(addr - BASE, addr - BASE + n));
        return n;
      },
      write: (addr: number, from: Uint8Array): number => {
        const n = within(addr, from.length);
        if (n > 0) this.bytes.set(from.subarray(0, n), addr - BASE);
        return n;
      },
      readFile: (addr: number, length: number, fd: number, offset: number): number => {
        const n = within(addr, length);
        if (n === 0) return -14;
        return hostFiles.pread(fd as never, this.bytes.subarray(addr - BASE, addr - BASE + n), offset);
      },
      writeFile: (addr: number, length: number, fd: number, offset: number): number => {
        const n = within(addr, length);
        if (n === 0) return -14;
        return hostFiles.pwrite(fd as never, this.bytes.subarray(addr - BASE, addr - BASE + n), offset);
      },
    };
    return space as unknown as AddressSpace;
  }
}

/** Runs a call that waits: `wake` makes it ready; the result is what it came to. */
export function finish(result: Result, how: 'ready' | 'interrupted', before: () => void = () => {}): Outcome {
  if (typeof result === 'number' || !('next' in result)) throw new Error('it did not wait');
  let step = result.next();
  while (!step.done) {
    let woken = how === 'interrupted';
    const disarm = step.value.arm(() => {
      woken = true;
    });
    before();
    disarm();
    if (!woken) throw new Error('nobody woke it');
    step = result.next(how);
  }
  return step.value;
}
