/** A set of signals, sigset_t: bit n-1 stands for signal n, as two 32-bit halves. Immutable. */
export interface SignalMask {
  readonly lo: number;
  readonly hi: number;
}

export const EMPTY_MASK: SignalMask = { lo: 0, hi: 0 };

export function maskHas(mask: SignalMask, signo: number): boolean {
  return signo <= 32 ? ((mask.lo >>> (signo - 1)) & 1) === 1 : ((mask.hi >>> (signo - 33)) & 1) === 1;
}

export function maskWith(mask: SignalMask, signo: number): SignalMask {
  return signo <= 32
    ? { lo: (mask.lo | (1 << (signo - 1))) >>> 0, hi: mask.hi }
    : { lo: mask.lo, hi: (mask.hi | (1 << (signo - 33))) >>> 0 };
}

export function maskWithout(mask: SignalMask, signo: number): SignalMask {
  return signo <= 32
    ? { lo: (mask.lo & ~(1 << (signo - 1))) >>> 0, hi: mask.hi }
    : { lo: mask.lo, hi: (mask.hi & ~(1 << (signo - 33))) >>> 0 };
}

export function maskUnion(a: SignalMask, b: SignalMask): SignalMask {
  return { lo: (a.lo | b.lo) >>> 0, hi: (a.hi | b.hi) >>> 0 };
}

export function maskMinus(a: SignalMask, b: SignalMask): SignalMask {
  return { lo: (a.lo & ~b.lo) >>> 0, hi: (a.hi & ~b.hi) >>> 0 };
}
