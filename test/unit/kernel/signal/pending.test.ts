import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NSIG, SIG, SIGRTMIN } from '../../../../src/abi/signal.js';
import { EMPTY_MASK, maskHas, maskWith } from '../../../../src/kernel/signal/mask.js';
import { PendingSignals } from '../../../../src/kernel/signal/pending.js';
import { userSignal } from '../../../../src/kernel/signal/siginfo.js';

describe('PendingSignals', () => {
  test('standard signals coalesce, real-time ones queue up to the limit', () => {
    const pending = new PendingSignals();
    expect(pending.add(userSignal(SIG.USR1, 1, 0), 2)).toBe(true);
    expect(pending.add(userSignal(SIG.USR1, 2, 0), 2)).toBe(true);
    expect(pending.count).toBe(1);
    expect(pending.add(userSignal(40, 1, 0), 2)).toBe(true);
    expect(pending.add(userSignal(40, 2, 0), 2)).toBe(false);
    expect(pending.add(userSignal(SIG.USR2, 2, 0), 2)).toBe(true);
  });

  test('faults come first, then the lowest number', () => {
    const pending = new PendingSignals();
    for (const signo of [40, SIG.TERM, SIG.HUP, SIG.SEGV]) pending.add(userSignal(signo, 1, 0), 100);
    const taken = [1, 2, 3, 4, 5].map(() => pending.take(EMPTY_MASK)?.signo);
    expect(taken).toEqual([SIG.SEGV, SIG.HUP, SIG.TERM, 40, undefined]);
  });

  test('what is taken is what was added and not blocked, as often as it counts', () => {
    const signos = fc.array(fc.integer({ min: 1, max: NSIG }));
    fc.assert(
      fc.property(signos, signos, (added, blockedList) => {
        const pending = new PendingSignals();
        for (const signo of added) pending.add(userSignal(signo, 1, 0), 1000);
        const blocked = blockedList.reduce(maskWith, EMPTY_MASK);
        const taken: number[] = [];
        for (let info = pending.take(blocked); info; info = pending.take(blocked)) taken.push(info.signo);
        const real = added.filter((s) => s >= SIGRTMIN);
        const expected = [...new Set(added.filter((s) => s < SIGRTMIN)), ...real];
        expect(taken.sort((a, b) => a - b)).toEqual(
          expected.filter((s) => !maskHas(blocked, s)).sort((a, b) => a - b),
        );
        expect(pending.anyBeyond(blocked)).toBe(false);
      }),
    );
  });
});
