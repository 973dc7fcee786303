/** The platform on the real CPU: guests of a few instructions, in real stub processes. */
import { closeSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { present } from '../../../../src/base/assert.js';
import { userAddr } from '../../../../src/base/brand.js';
import { openResources } from '../../../../src/base/disposable.js';
import type { AddressSpace, Context, LaneCall, Trap } from '../../../../src/platform/platform.js';
import { Assembler } from '../../../../src/platform/systrap/asm/assembler.js';
import { at, eax, edi, rax, rbx, rcx, rdi, rsp } from '../../../../src/platform/systrap/asm/operands.js';
import { LaneTable } from '../../../../src/platform/systrap/lane-table.js';
import { MAX_OPS } from '../../../../src/platform/systrap/layout.js';
import { newSystrapPlatform, type SystrapPlatform } from '../../../../src/platform/systrap/systrap.unsafe.js';

const CODE = userAddr(0x10_0000);
const DATA = userAddr(0x20_0000);
const STACK = userAddr(0x31_0000);
const PAGE = 4096;
const [READ, WRITE, EXEC] = [1, 2, 4];
const DEADLINE_MS = 10_000;

let platform: SystrapPlatform;
let trapped: Context[];
let deaths: string[];
let before: string[];

beforeAll(() => {
  before = openResources();
});
beforeEach(() => {
  platform = newSystrapPlatform({ began: { sec: 0, nsec: 0 } });
  trapped = [];
  deaths = [];
  platform.attach({
    onTrap: (context) => trapped.push(context),
    onDeath: (_space, why) => deaths.push(why),
  });
});
afterEach(() => {
  platform.dispose();
});
afterAll(() => {
  // Whatever was opened has been closed: stubs, zygotes, memory (the worker's scratch memory stays).
  expect(openResources().filter((r) => !before.includes(r) && r !== 'host memory')).toEqual([]);
});

/** A guest program of a few instructions, at CODE. */
function program(emit: (a: Assembler) => void): Uint8Array {
  const a = new Assembler(CODE);
  emit(a);
  return a.finish();
}

function guest(code: Uint8Array, space = platform.createAddressSpace()): AddressSpace {
  space.map({ addr: CODE, length: PAGE, prot: READ | WRITE | EXEC, shared: false });
  space.map({ addr: DATA, length: 4 * PAGE, prot: READ | WRITE, shared: false });
  space.map({ addr: userAddr(STACK - 16 * PAGE), length: 16 * PAGE, prot: READ | WRITE, shared: false });
  expect(space.flush()).toBe(0);
  expect(space.write(CODE, code)).toBe(code.length);
  space.first.reset(CODE, STACK);
  return space;
}

/** Resumes and waits for the next trap of anybody. */
function nextTrap(context?: Context): Context {
  trapped.length = 0;
  context?.resume();
  const end = Date.now() + DEADLINE_MS;
  while (trapped.length === 0 && deaths.length === 0) {
    if (Date.now() > end) throw new Error('no trap came');
    if (platform.poll() === 0) platform.park(1e7);
  }
  const [first] = trapped;
  if (!first) throw new Error(`the guest died: ${deaths.join(', ')}`);
  return first;
}

const kindOf = (c: Context): Trap['kind'] => c.trap.kind;

describe('system calls', () => {
  test('arrive with number and arguments, and return a value', () => {
    const space = guest(
      program((a) => {
        a.movImm32(eax, 39);
        a.movImm64(rdi, 0x1234_5678_9abc);
        a.syscall();
        a.mov(rdi, rax);
        a.movImm32(eax, 60);
        a.syscall();
      }),
    );
    const c = nextTrap(space.first);
    expect([kindOf(c), c.syscallNumber(), c.argLo(0), c.argHi(0)]).toEqual([
      'syscall',
      39,
      0x5678_9abc,
      0x1234,
    ]);
    c.setReturn(-38);
    const next = nextTrap(c);
    expect([next.syscallNumber(), next.argLo(0) | 0, next.argHi(0) | 0]).toEqual([60, -38, -1]);
  });

  test('can be made to happen again', () => {
    const space = guest(
      program((a) => {
        a.movImm32(eax, 35);
        a.syscall();
        a.ud2();
      }),
    );
    const c = nextTrap(space.first);
    c.rewindSyscall();
    expect(nextTrap(c).syscallNumber()).toBe(35);
  });

  test('by int 0x80 have no number of ours', () => {
    const space = guest(Uint8Array.from([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0x0f, 0x0b]));
    const c = nextTrap(space.first);
    expect([kindOf(c), c.syscallNumber()]).toEqual(['syscall', -1]);
  });
});

describe('faults', () => {
  test('of memory that is not there say where, and that it is not there', () => {
    const space = guest(
      program((a) => {
        a.movImm64(rbx, 0xdead_0000);
        a.load(rax, at(rbx));
      }),
    );
    const c = nextTrap(space.first);
    expect(c.trap).toMatchObject({ kind: 'fault', signo: 11, code: 1, addr: 0xdead_0000, trapno: 14 });
  });

  test('of read-only memory say that it may not be written', () => {
    const space = guest(
      program((a) => {
        a.movImm64(rbx, DATA);
        a.storeImm32(at(rbx), 1);
      }),
    );
    space.write(DATA, Uint8Array.of(1)); // there, so that REG_ERR says "protection"
    space.protect(DATA, PAGE, READ);
    const c = nextTrap(space.first);
    expect(c.trap).toMatchObject({ kind: 'fault', signo: 11, code: 2, addr: DATA, error: 7 });
  });

  test('of an undefined instruction and a breakpoint come as SIGILL and SIGTRAP', () => {
    const space = guest(Uint8Array.from([0xcc, 0x0f, 0x0b]));
    const c = nextTrap(space.first);
    expect(c.trap).toMatchObject({ kind: 'fault', signo: 5 });
    expect(nextTrap(c).trap).toMatchObject({ kind: 'fault', signo: 4, addr: CODE + 1 });
  });
});

describe('memory', () => {
  const idle = program((a) => a.syscall());

  test('is copied in and out, and a copy ends where the memory does', () => {
    const space = guest(idle);
    const bytes = Uint8Array.from({ length: 3 * PAGE }, (_, i) => i * 7);
    expect(space.write(DATA, bytes)).toBe(bytes.length);
    const back = new Uint8Array(bytes.length);
    expect(space.read(DATA, back)).toBe(bytes.length);
    expect(back).toEqual(bytes);
    expect(space.read(userAddr(DATA + 4 * PAGE - 10), new Uint8Array(PAGE))).toBe(10);
    expect(space.write(userAddr(0x50_0000), Uint8Array.of(1))).toBe(0);
  });

  test('unmapped is gone, remapped is moved', () => {
    const space = guest(idle);
    space.write(DATA, Uint8Array.of(42));
    space.remap(DATA, PAGE, userAddr(0x40_0000), 2 * PAGE);
    expect(space.flush()).toBe(0);
    const byte = new Uint8Array(1);
    expect(space.read(userAddr(0x40_0000), byte)).toBe(1);
    expect(byte[0]).toBe(42);
    expect(space.read(DATA, byte)).toBe(0);
    space.unmap(userAddr(0x40_0000), 2 * PAGE);
    expect(space.read(userAddr(0x40_0000), byte)).toBe(0);
  });

  test('a change that the host refuses is an errno', () => {
    const space = guest(idle);
    space.protect(userAddr(0x7000_0000), PAGE, READ);
    expect(space.flush()).toBe(-12);
  });

  test('says which pages are resident', () => {
    const space = guest(idle);
    space.write(DATA, Uint8Array.of(1));
    const pages = new Uint8Array(4);
    expect(space.resident(DATA, 4 * PAGE, pages)).toBe(0);
    expect([...pages].map((p) => p & 1)).toEqual([1, 0, 0, 0]);
  });

  test('of a fork is there however much is queued before it', () => {
    const space = guest(program((a) => a.syscall()));
    for (let queued = 0; queued <= MAX_OPS; queued++) {
      for (let n = 0; n < queued; n++) space.protect(DATA, PAGE, READ | WRITE);
      const child = space.fork(space.first);
      expect(child.write(DATA, new Uint8Array([queued]))).toBe(1);
      child.release();
    }
    expect(deaths).toEqual([]);
  });

  test('of a fork is a copy', () => {
    const space = guest(
      program((a) => {
        a.movImm64(rbx, DATA);
        a.load(rdi, at(rbx));
        a.syscall();
      }),
    );
    space.write(DATA, Uint8Array.of(1));
    const child = space.fork(space.first);
    space.write(DATA, Uint8Array.of(2));
    const c = nextTrap(child.first);
    expect([c.addressSpace === child, c.argLo(0)]).toEqual([true, 1]);
    expect(nextTrap(space.first).argLo(0)).toBe(2);
    child.release();
  });
});

describe('threads', () => {
  test('share the memory and have registers of their own', () => {
    const space = guest(
      program((a) => {
        a.mov(rdi, rsp);
        a.movImm64(rcx, DATA);
        a.storeImm32(at(rcx), 7);
        a.syscall();
        a.ud2();
      }),
    );
    const thread = space.createContext(space.first);
    thread.setSp(userAddr(STACK - 4096));
    const c = nextTrap(thread);
    expect([c === thread, c.argLo(0)]).toEqual([true, STACK - 4096]);
    const word = new Uint8Array(1);
    space.read(DATA, word);
    expect(word[0]).toBe(7);
    expect(nextTrap(space.first).argLo(0)).toBe(STACK);
    thread.release();
    // The area of a thread that has gone is used again.
    for (let i = 0; i < 20; i++) space.createContext(space.first).release();
  });

  test('have thread pointers of their own', () => {
    const space = guest(program((a) => a.syscall()));
    space.first.setThreadPointer(userAddr(0x1234_5000));
    expect(space.first.getThreadPointer()).toBe(0x1234_5000);
    const thread = space.createContext(space.first);
    thread.setThreadPointer(userAddr(0x777_000));
    expect(thread.getThreadPointer()).toBe(0x777_000);
    expect(space.first.getThreadPointer()).toBe(0x1234_5000);
  });
});

describe('interrupts', () => {
  const spinning = (a: Assembler): void => {
    const l = a.label('l');
    a.place(l);
    a.jmp(l);
  };

  test('reach a guest that spins', () => {
    const space = guest(program(spinning));
    space.first.resume();
    space.first.interrupt();
    expect(kindOf(nextTrap())).toBe('interrupt');
    expect(space.first.getPc()).toBe(CODE);
  });

  test('asked for twice come at least once, and never for a stopped one', () => {
    const space = guest(program(spinning));
    space.first.resume();
    space.first.interrupt();
    space.first.interrupt();
    const c = nextTrap();
    c.interrupt();
    expect(platform.poll()).toBe(0);
  });
});

describe('signal frames', () => {
  test('push runs the handler with siginfo, pop puts everything back', () => {
    const handler = userAddr(CODE + 0x100);
    const space = guest(
      program((a) => {
        a.movImm32(edi, 5);
        a.syscall();
        a.syscall();
      }),
    );
    space.write(
      handler,
      program((a) => a.syscall()),
    );
    const c = nextTrap(space.first);
    const info = new Uint8Array(128);
    info[0] = 10;
    const [pc, sp] = [c.getPc(), c.getSp()];
    const altStack = { sp: userAddr(0), size: 0, flags: 2 };
    const frame = {
      signo: 10,
      handler,
      restorer: CODE,
      info,
      maskLo: 0x40,
      maskHi: 1,
      stackTop: userAddr(0),
      altStack,
    };
    expect(c.pushSignalFrame(frame)).toBe(true);
    expect(c.getPc()).toBe(handler);
    expect((c.getSp() + 8) % 16).toBe(0);
    const inHandler = nextTrap(c);
    expect(inHandler.argLo(0)).toBe(10);
    const infoBack = new Uint8Array(4);
    space.read(userAddr(inHandler.argHi(1) * 2 ** 32 + inHandler.argLo(1)), infoBack);
    expect(infoBack[0]).toBe(10);
    // As `ret` would: the return address is taken.
    inHandler.setSp(userAddr(inHandler.getSp() + 8));
    expect(inHandler.popSignalFrame()).toEqual({ maskLo: 0x40, maskHi: 1, altStack });
    expect([inHandler.getPc(), inHandler.getSp()]).toEqual([pc, sp]);
    expect(nextTrap(inHandler).argLo(0)).toBe(5);
  });

  test('a frame that does not fit the stack is refused', () => {
    const space = guest(program((a) => a.syscall()));
    const c = nextTrap(space.first);
    c.setSp(userAddr(0x60_0000));
    const altStack = { sp: userAddr(0), size: 0, flags: 2 };
    const frame = {
      signo: 10,
      handler: CODE,
      restorer: CODE,
      info: new Uint8Array(128),
      maskLo: 0,
      maskHi: 0,
      stackTop: userAddr(0),
      altStack,
    };
    expect(c.pushSignalFrame(frame)).toBe(false);
  });
});

describe('a hostile guest', () => {
  test('that kills its stub by a forbidden call from the stub code is noticed by its pidfd', () => {
    // Jumps to a syscall instruction inside the stub with the number of kill(2).
    const space = guest(
      program((a) => {
        a.movImm64(rbx, 0x7000_0000_0000);
        a.movImm32(eax, 62);
        const find = a.label('find');
        a.place(find);
        a.inc(rbx);
        a.load(rcx, at(rbx));
        a.and(rcx, 0xffff);
        a.cmp(rcx, 0x050f);
        a.j('notEqual', find);
        a.data(Uint8Array.of(0xff, 0xe3)); // jmp rbx
      }),
    );
    expect(() => nextTrap(space.first)).toThrow(/died/);
    expect(deaths).toEqual(['its host process died']);
  });

  test('that scribbles over its own area breaks itself, not the shard', () => {
    const space = guest(
      program((a) => {
        a.movImm64(rbx, 0x7000_1000_0000);
        a.movImm64(rcx, 0x7000_1000_8000);
        const l = a.label('l');
        a.place(l);
        a.storeImm64(at(rbx), -1);
        a.add(rbx, 8);
        a.cmpReg(rbx, rcx);
        a.j('notEqual', l);
        a.syscall();
        a.ud2();
      }),
    );
    try {
      nextTrap(space.first).resume();
      nextTrap();
    } catch {
      // Broken is fine; hanging or throwing out of the platform is not.
    }
    space.release();
    deaths.length = 0;
    const other = guest(program((a) => a.syscall()));
    expect(kindOf(nextTrap(other.first))).toBe('syscall');
  });
});

describe('a lane', () => {
  test('brings some calls of a guest straight home, and the others to its shard', () => {
    const table = LaneTable.create();
    const away = newSystrapPlatform({
      began: { sec: 0, nsec: 0 },
      lane: { table, calls: [110], isOpen: () => true },
    });
    const atHome: LaneCall[] = [];
    const here: number[] = [];
    away.attach({
      onTrap: (context) => here.push(context.syscallNumber()),
      onDeath: (_space, why) => deaths.push(why),
    });
    try {
      expect(
        platform.receiveLane(table, {
          onCall: (tid, call) => {
            expect(tid).toBe(77);
            atHome.push(call);
          },
          onNonsense: () => deaths.push('nonsense'),
        }),
      ).toBe(true);
      const space = guest(
        program((a) => {
          a.movImm32(eax, 110);
          a.syscall();
          a.mov(edi, eax);
          a.movImm32(eax, 39);
          a.syscall();
        }),
        away.createAddressSpace(),
      );
      space.first.setLaneOwner?.(77, 0, 0);
      space.first.resume();
      const until = (done: () => boolean): void => {
        const end = Date.now() + DEADLINE_MS;
        while (!done() && deaths.length === 0) {
          if (Date.now() > end) throw new Error('nothing came');
          if (platform.poll() + away.poll() === 0) platform.park(1e6);
        }
        expect(deaths).toEqual([]);
      };
      until(() => atHome.length > 0);
      expect({ number: atHome[0]?.number, here, active: away.active }).toEqual({
        number: 110,
        here: [],
        active: 0,
      });
      expect(atHome[0]?.answer(4321)).toBe(true);
      until(() => here.length > 0);
      expect(here).toEqual([39]);
      expect(space.first.argLo(0)).toBe(4321);
      expect(atHome).toHaveLength(1);
    } finally {
      away.dispose();
      const { page, bell } = present(table.descriptors, 'descriptors');
      closeSync(page);
      closeSync(bell);
    }
  });
});
