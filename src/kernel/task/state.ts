/**
 * What a task does now. The functions that go from one state to the next are in run.ts.
 *
 *   new ──► guest ──trap──► kernel ──► guest
 *                             │  ├──► blocked ──wake──► kernel
 *                             │  ├──► stopped ──end of stop──► kernel
 *                             │  ├──► traced ──its tracer lets it go on──► kernel
 *                             │  └──► dead
 * "Blocked" waits for something and a signal can end it; "stopped" ends only by whoever stopped it. A
 * blocked task may have a stop count too: it is then frozen, its wake-up is remembered.
 */
import type { Blocking, Outcome, Resumed, Wait, Wake } from '../outcome.js';

export interface BlockedState {
  readonly name: 'blocked';
  readonly call: Blocking<Outcome>;
  readonly wait: Wait;
  /** Why it goes on, once known; the first reason counts. */
  woken: Wake | undefined;
  disarm: (() => void) | undefined;
  cancelTimer: (() => void) | undefined;
}

export interface StoppedState {
  readonly name: 'stopped';
  /** It was in a system call when its kernel was saved, which starts anew with this knowledge. */
  readonly resumed?: Resumed;
}

/** In a stop of ptrace(2), see traced.ts: `goOn` carries it on. */
export interface TracedState {
  readonly name: 'traced';
  readonly goOn: () => void;
}

export interface NewState {
  readonly name: 'new';
  /** What it does before its program: the program is to be had elsewhere (home/). */
  readonly first?: Blocking<Outcome>;
}

export type RunState =
  | NewState
  | { readonly name: 'guest' }
  | { readonly name: 'kernel' }
  | BlockedState
  | StoppedState
  | TracedState
  | { readonly name: 'dead' };

export const NEW: NewState = { name: 'new' };
export const GUEST: RunState = { name: 'guest' };
export const IN_KERNEL: RunState = { name: 'kernel' };
export const STOPPED: RunState = { name: 'stopped' };
/** Stopped before its trap was looked at: that comes first when it goes on. */
export const STOPPED_AT_TRAP: RunState = { name: 'stopped' };
export const DEAD: RunState = { name: 'dead' };
