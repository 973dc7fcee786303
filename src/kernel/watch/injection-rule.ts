/**
 * What `--inject` says, in the syntax of strace's -e inject= (strace(1), "Tampering"):
 *
 *     SET[:error=ERRNO|:retval=VALUE][:signal=SIG][:syscall=CALL][:delay_enter=TIME][:delay_exit=TIME]
 *        [:when=FIRST[..LAST][+[STEP]]]
 *
 * and two words of ours: `short=N`, where the call moves at most N bytes, and `chance=P`, where it happens
 * to one call in 1/P, by a seeded choice. `poke_enter` and `poke_exit` are refused: hooks do that.
 */
import { E } from '../../abi/errno.js';
import { NR, type SyscallName } from '../../abi/numbers.js';
import { SIGRTMAX, signalNumber } from '../../abi/signal.js';
import type { Declaration } from '../syscalls/declare.js';
import { parseStraceFilter } from '../syscalls/strace-filter.js';
import { declarations, table } from '../syscalls/table.js';

export interface InjectionRule {
  /** Numbers of the calls it is for. */
  readonly sysnos: readonly number[];
  readonly errno?: number;
  readonly retval?: number;
  readonly signo?: number;
  readonly instead?: Declaration;
  readonly delayEnterNs?: number;
  readonly delayExitNs?: number;
  readonly shortBytes?: number;
  readonly chance?: number;
  readonly when?: When;
}

/** Invocations first, first + step, … up to last, counted from 1 for each task and call. */
export interface When {
  readonly first: number;
  readonly last: number;
  /** 0: the first one only. */
  readonly step: number;
}

/** The rule cannot be understood; the message is one line. */
export class InjectionError extends Error {
  override readonly name = 'InjectionError';
}

type Words = { -readonly [K in keyof Omit<InjectionRule, 'sysnos'>]: InjectionRule[K] };

export function parseInjectionRule(text: string): InjectionRule {
  const [set = '', ...words] = text.split(':');
  const filter = parseStraceFilter(set);
  if ('error' in filter) throw new InjectionError(filter.error);
  const sysnos = declarations.map((d) => d.number).filter(filter);
  const rule: Words = {};
  for (const word of words) {
    const [key, value] = split(word);
    const parse = Object.hasOwn(PARSERS, key) ? PARSERS[key] : undefined;
    if (!parse) throw new InjectionError(`unknown word '${key}'; known: ${Object.keys(PARSERS).join(', ')}`);
    parse(value, rule);
  }
  check(rule, sysnos);
  return { sysnos, ...rule };
}

function split(word: string): [key: string, value: string] {
  const equals = word.indexOf('=');
  return equals < 0 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
}

function check(rule: Words, sysnos: readonly number[]): void {
  const answers = rule.errno !== undefined || rule.retval !== undefined;
  const does =
    answers ||
    rule.signo !== undefined ||
    rule.delayEnterNs !== undefined ||
    rule.delayExitNs !== undefined ||
    rule.shortBytes !== undefined;
  if (!does) throw new InjectionError('says nothing to inject: error, retval, signal, a delay or short');
  if (rule.instead && !answers) throw new InjectionError('syscall= needs error= or retval=');
  if (rule.shortBytes === undefined) return;
  if (answers) throw new InjectionError('short= contradicts error= and retval=');
  const other = sysnos.flatMap((n) => table[n]?.name ?? []).find((name) => !TRANSFERS.includes(name));
  if (other) throw new InjectionError(`short=: ${other} is not one of ${TRANSFERS.join(', ')}`);
}

const PARSERS: Readonly<Record<string, (value: string, rule: Words) => void>> = {
  error(value, rule) {
    if (rule.errno !== undefined || rule.retval !== undefined) throw twice('error= or retval=');
    rule.errno = Object.hasOwn(E, value) ? E[value as keyof typeof E] : integer(value, 1, 4095, 'error');
  },
  retval(value, rule) {
    if (rule.errno !== undefined || rule.retval !== undefined) throw twice('error= or retval=');
    rule.retval = integer(value, 0, Number.MAX_SAFE_INTEGER, 'retval');
  },
  signal(value, rule) {
    if (rule.signo !== undefined) throw twice('signal=');
    rule.signo = signalNumber(value) ?? integer(value, 1, SIGRTMAX, 'signal');
  },
  syscall(value, rule) {
    if (!PURE.includes(value)) throw new InjectionError(`syscall=${value}: not one of ${PURE.join(', ')}`);
    const declaration = table[NR[value as SyscallName]];
    if (declaration) rule.instead = declaration;
  },
  delay_enter(value, rule) {
    rule.delayEnterNs = nanoseconds(value, 'delay_enter');
  },
  delay_exit(value, rule) {
    rule.delayExitNs = nanoseconds(value, 'delay_exit');
  },
  when(value, rule) {
    rule.when = parseWhen(value);
  },
  short(value, rule) {
    rule.shortBytes = integer(value, 1, Number.MAX_SAFE_INTEGER, 'short');
  },
  chance(value, rule) {
    const chance = /^(\d+(\.\d*)?|\.\d+)$/.test(value) ? Number(value) : Number.NaN;
    if (!(chance > 0 && chance <= 1)) throw new InjectionError(`chance=${value}: not above 0 and at most 1`);
    rule.chance = chance;
  },
};

/** Calls without arguments and without effects: strace's %pure. */
const PURE = ['getpid', 'getppid', 'gettid', 'getpgrp', 'getuid', 'geteuid', 'getgid', 'getegid'];

/** Calls that may move less than they were asked to. */
const TRANSFERS = ['read', 'write', 'pread64', 'pwrite64', 'recvfrom', 'sendto', 'getrandom'];

const twice = (what: string): InjectionError => new InjectionError(`more than one ${what}`);

function integer(value: string, least: number, most: number, what: string): number {
  const number = /^(0[xX][0-9a-fA-F]+|\d+)$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= least && number <= most)) {
    throw new InjectionError(`${what}=${value}: not within ${least}…${most}`);
  }
  return number;
}

const UNITS_NS: Readonly<Record<string, number>> = { s: 1e9, ms: 1e6, us: 1e3, ns: 1 };

/** Without a unit: microseconds. */
function nanoseconds(value: string, what: string): number {
  const [, digits, unit = 'us'] = /^(\d+(?:\.\d+)?)(s|ms|us|ns)?$/.exec(value) ?? [];
  const ns = Number(digits) * (UNITS_NS[unit] ?? 0);
  if (!Number.isFinite(ns)) throw new InjectionError(`${what}=${value}: not a time like 500, 20ms or 1.5s`);
  return Math.round(ns);
}

const MOST = 65_535;

function parseWhen(value: string): When {
  const match = /^(\d+)(?:\.\.(\d+))?(\+(\d*))?$/.exec(value);
  if (!match) throw new InjectionError(`when=${value}: not FIRST[..LAST][+[STEP]]`);
  const [, first = '', last, plus, step] = match;
  const from = integer(first, 1, MOST, 'when');
  const to = last === undefined ? Number.POSITIVE_INFINITY : integer(last, from, MOST - 1, 'when');
  const by = step ? integer(step, 1, MOST, 'when') : 1;
  return { first: from, last: to, step: plus !== undefined || last !== undefined ? by : 0 };
}
