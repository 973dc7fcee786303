/**
 * The functions of the VDSO, vdso(7): clocks read without a system call. Linux: lib/vdso/gettimeofday.c.
 *
 * What tells the time is the VDSO of the host's kernel, which stays mapped in stubs (zygote-image.ts). So
 * guests read the very clock that the kernel here reads, by the host's own calibration: nothing drifts,
 * nothing has to be updated while guests run, and a guest that asks both ways sees one clock. What is ours
 * is the difference between the clocks of a sandbox and the host's, in the time page (layout.ts): read under
 * its sequence number, and again when that has changed meanwhile. Not ready, or a clock that is not here: a
 * system call, which traps as any other.
 */
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_REALTIME,
  CLOCK_REALTIME_COARSE,
  CLOCK_TAI,
  COARSE_RESOLUTION_NS,
} from '../../abi/time.js';
import type { Assembler } from './asm/assembler.js';
import {
  at,
  eax,
  ecx,
  edi,
  edx,
  type Label,
  r11,
  r12,
  r12d,
  rax,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
} from './asm/operands.js';
import { TIME_PAGE, timePage } from './layout.js';

const NR = { gettimeofday: 96, time: 201, clock_gettime: 228, clock_getres: 229, getcpu: 309 } as const;
const NS_PER_SEC = 1_000_000_000;
const NS_PER_USEC = 1000;
/** Of a function's own on the stack: a timespec, and the clock asked for; keeps calls 16-byte aligned. */
const FRAME = 24;
const FRAME_CLOCK = 16;

export interface VdsoLabels {
  readonly functions: readonly (readonly [name: string, place: Label])[];
  /** clock_gettime as a system call, for the time page of a host without a VDSO. */
  readonly systemCall: Label;
}

export function emitVdso(a: Assembler): VdsoLabels {
  const label = (name: string): Label => a.label(name);
  const clockGettime = label('clock_gettime');
  const clockGetres = label('clock_getres');
  const gettimeofday = label('gettimeofday');
  const time = label('time');
  const getcpu = label('getcpu');
  const systemCall = label('systemCall');
  emitClockGettime(a, clockGettime, systemCall);
  emitGettimeofday(a, gettimeofday, clockGettime);
  emitTime(a, time, clockGettime);
  emitClockGetres(a, clockGetres);
  emitSystemCall(a, getcpu, NR.getcpu);
  return {
    functions: [
      ['clock_gettime', clockGettime],
      ['gettimeofday', gettimeofday],
      ['time', time],
      ['clock_getres', clockGetres],
      ['getcpu', getcpu],
    ],
    systemCall,
  };
}

/** A function that is a system call with the arguments it was given. */
function emitSystemCall(a: Assembler, place: Label, number: number): void {
  a.align(16);
  a.place(place);
  a.movImm32(eax, number);
  a.syscall();
  a.ret();
}

/** clock_gettime(edi: clock, rsi: timespec) */
function emitClockGettime(a: Assembler, entry: Label, systemCall: Label): void {
  const wall = a.label('wall');
  const sinceZero = a.label('sinceZero');
  const monotonic = a.label('monotonic');
  emitSystemCall(a, systemCall, NR.clock_gettime);

  a.align(64);
  a.place(entry);
  const goes = (clock: number, where: Label): void => {
    a.cmp(edi, clock);
    a.j('equal', where);
  };
  goes(CLOCK_MONOTONIC, sinceZero);
  goes(CLOCK_REALTIME, wall);
  goes(CLOCK_REALTIME_COARSE, wall);
  goes(CLOCK_MONOTONIC_COARSE, sinceZero);
  // As the system call has it: raw and boot time are monotonic time, and no leap seconds are told.
  goes(CLOCK_MONOTONIC_RAW, monotonic);
  goes(CLOCK_BOOTTIME, monotonic);
  a.cmp(edi, CLOCK_TAI);
  a.j('notEqual', systemCall);
  a.movImm32(edi, CLOCK_REALTIME);

  // The wall clock is the host's.
  a.place(wall);
  a.movImm64(r11, TIME_PAGE);
  a.cmpMem32(at(r11, timePage.READY), 0);
  a.j('equal', systemCall);
  a.jmpMem(at(r11, timePage.HOST_CLOCK));

  a.place(monotonic);
  a.movImm32(edi, CLOCK_MONOTONIC);
  a.place(sinceZero);
  emitSinceZero(a, systemCall);
}

/** The host's clock in edi less the zero of the time page, to the timespec at rsi. */
function emitSinceZero(a: Assembler, systemCall: Label): void {
  const again = a.label('again');
  const changing = a.label('changing');
  const notReady = a.label('notReady');
  const settled = a.label('settled');
  const leave = (): void => {
    a.add(rsp, FRAME);
    a.pop(r12);
    a.pop(rbx);
  };

  a.push(rbx);
  a.push(r12);
  a.sub(rsp, FRAME);
  a.mov(rbx, rsi);
  a.store(at(rsp, FRAME_CLOCK), edi);
  a.place(again);
  a.movImm64(r11, TIME_PAGE);
  a.load(r12d, at(r11, timePage.SEQUENCE));
  a.testImm(r12d, 1);
  a.j('notEqual', changing);
  a.cmpMem32(at(r11, timePage.READY), 0);
  a.j('equal', notReady);
  a.load(edi, at(rsp, FRAME_CLOCK));
  a.mov(rsi, rsp);
  // One instruction takes the address and goes there: it may change while a saved guest stands before it.
  a.callMem(at(r11, timePage.HOST_CLOCK));
  a.movImm64(r11, TIME_PAGE);
  a.load(rax, at(rsp));
  a.subMem(rax, at(r11, timePage.ZERO_SEC));
  a.load(rcx, at(rsp, 8));
  a.subMem(rcx, at(r11, timePage.ZERO_NSEC));
  a.j('notSign', settled);
  a.add(rcx, NS_PER_SEC);
  a.dec(rax);
  a.place(settled);
  a.load(edx, at(r11, timePage.SEQUENCE));
  a.cmpReg(edx, r12d);
  a.j('notEqual', again);
  a.store(at(rbx), rax);
  a.store(at(rbx, 8), rcx);
  leave();
  a.xor(eax, eax);
  a.ret();

  a.place(changing);
  a.pause();
  a.jmp(again);

  a.place(notReady);
  a.load(edi, at(rsp, FRAME_CLOCK));
  a.mov(rsi, rbx);
  leave();
  a.jmp(systemCall);
}

/** gettimeofday(rdi: timeval or 0, rsi: timezone or 0) */
function emitGettimeofday(a: Assembler, entry: Label, clockGettime: Label): void {
  const noTime = a.label('noTime');
  const noZone = a.label('noZone');
  a.align(16);
  a.place(entry);
  a.push(rbx);
  a.mov(rbx, rsi);
  a.testReg(rdi, rdi);
  a.j('equal', noTime);
  a.push(rdi);
  a.sub(rsp, FRAME);
  a.mov(rsi, rsp);
  a.movImm32(edi, CLOCK_REALTIME);
  a.call(clockGettime);
  a.load(rcx, at(rsp));
  a.load(eax, at(rsp, 8));
  a.add(rsp, FRAME);
  a.pop(rdi);
  a.store(at(rdi), rcx);
  a.xor(edx, edx);
  a.movImm32(ecx, NS_PER_USEC);
  a.div(ecx);
  a.store(at(rdi, 8), rax);
  a.place(noTime);
  a.testReg(rbx, rbx);
  a.j('equal', noZone);
  a.storeImm64(at(rbx), 0);
  a.place(noZone);
  a.pop(rbx);
  a.xor(eax, eax);
  a.ret();
}

/** time(rdi: time_t or 0) */
function emitTime(a: Assembler, entry: Label, clockGettime: Label): void {
  const done = a.label('done');
  a.align(16);
  a.place(entry);
  a.push(rdi);
  a.sub(rsp, 16);
  a.mov(rsi, rsp);
  a.movImm32(edi, CLOCK_REALTIME);
  a.call(clockGettime);
  a.load(rax, at(rsp));
  a.add(rsp, 16);
  a.pop(rdi);
  a.testReg(rdi, rdi);
  a.j('equal', done);
  a.store(at(rdi), rax);
  a.place(done);
  a.ret();
}

/** clock_getres(edi: clock, rsi: timespec or 0) */
function emitClockGetres(a: Assembler, entry: Label): void {
  const fine = a.label('fine');
  const coarse = a.label('coarse');
  const known = a.label('known');
  const done = a.label('done');
  const goes = (clock: number, where: Label): void => {
    a.cmp(edi, clock);
    a.j('equal', where);
  };
  a.align(16);
  a.place(entry);
  for (const clock of [CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI]) {
    goes(clock, fine);
  }
  goes(CLOCK_REALTIME_COARSE, coarse);
  goes(CLOCK_MONOTONIC_COARSE, coarse);
  a.movImm32(eax, NR.clock_getres);
  a.syscall();
  a.ret();
  a.place(fine);
  a.movImm32(edx, 1);
  a.jmp(known);
  a.place(coarse);
  a.movImm32(edx, COARSE_RESOLUTION_NS);
  a.place(known);
  a.testReg(rsi, rsi);
  a.j('equal', done);
  a.storeImm64(at(rsi), 0);
  a.store(at(rsi, 8), rdx);
  a.place(done);
  a.xor(eax, eax);
  a.ret();
}
