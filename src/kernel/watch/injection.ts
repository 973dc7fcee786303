/**
 * Faults, signals, delays and short transfers by rule (injection-rule.ts). Calls are counted for each task
 * and system call, as strace does for each tracee; of several rules for one call the last one counts.
 */

import type { Errno } from '../../abi/errno.js';
import { NR_END } from '../../abi/numbers.js';
import { fail } from '../outcome.js';
import { bufferLength, type Declaration } from '../syscalls/declare.js';
import type { Task } from '../task/task.js';
import type { InjectionRule } from './injection-rule.js';
import type { Interception, Interceptor } from './interceptor.js';

export class Injection implements Interceptor {
  readonly calls = new Uint8Array(NR_END);
  private readonly _rules = new Map<number, InjectionRule>();
  private readonly _counts = new WeakMap<Task, Map<number, number>>();

  constructor(
    rules: readonly InjectionRule[],
    /** Of the choices that `chance=` makes. */
    readonly seed: number,
  ) {
    for (const rule of rules) {
      for (const sysno of rule.sysnos) {
        this.calls[sysno] = 1;
        this._rules.set(sysno, rule);
      }
    }
  }

  before(task: Task, declaration: Declaration, args: unknown[]): Interception | undefined {
    const { number } = declaration;
    const rule = this._rules.get(number);
    if (!rule) return undefined;
    const count = this._count(task, number);
    if (!happens(rule, count) || !this._isChosen(rule, task, number, count)) return undefined;
    if (rule.shortBytes !== undefined) shorten(declaration, args, rule.shortBytes);
    return interceptionOf(rule);
  }

  private _count(task: Task, sysno: number): number {
    let counts = this._counts.get(task);
    if (!counts) {
      counts = new Map();
      this._counts.set(task, counts);
    }
    const count = (counts.get(sysno) ?? 0) + 1;
    counts.set(sysno, count);
    return count;
  }

  /** A function of the seed, the task's number, the call and how often it was made: not of who ran when. */
  private _isChosen({ chance = 1 }: InjectionRule, task: Task, sysno: number, count: number): boolean {
    if (chance === 1) return true;
    let hash = mix(this.seed | 0, task.tid);
    hash = mix(hash, sysno);
    return (mix(hash, count) >>> 0) / 2 ** 32 < chance;
  }
}

function happens({ when }: InjectionRule, count: number): boolean {
  if (!when) return true;
  const { first, last, step } = when;
  if (count < first || count > last) return false;
  return step === 0 ? count === first : (count - first) % step === 0;
}

/** The handler is told of a smaller buffer than the guest has. */
function shorten(declaration: Declaration, args: unknown[], most: number): void {
  const at = bufferLength(declaration);
  const length = args[at];
  if (typeof length === 'number') args[at] = Math.min(length, most);
}

function interceptionOf(rule: InjectionRule): Interception {
  const { errno, retval, signo, instead, delayEnterNs, delayExitNs } = rule;
  const outcome = errno === undefined ? retval : fail(errno as Errno);
  const onlyDelayed = outcome === undefined && signo === undefined && rule.shortBytes === undefined;
  return {
    mark: onlyDelayed ? 'DELAYED' : 'INJECTED',
    ...(outcome === undefined ? {} : { outcome }),
    ...(signo === undefined ? {} : { signo }),
    ...(instead === undefined ? {} : { instead }),
    ...(delayEnterNs === undefined ? {} : { delayEnterNs }),
    ...(delayExitNs === undefined ? {} : { delayExitNs }),
  };
}

/** Every bit of both goes into every bit of the result (the finalizer of MurmurHash3). */
function mix(a: number, b: number): number {
  let h = Math.imul(a ^ Math.imul(b, 0x9e37_79b1), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 16), 0xc2b2_ae35);
  return h ^ (h >>> 15);
}
