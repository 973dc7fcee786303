/**
 * Which system calls of a body go home by the lane, past its shard (docs/decisions/0034): all that go home
 * and that its shard has no part in.
 */
import { NR } from '../../abi/numbers.js';
import { userAddr } from '../../base/brand.js';
import type { LaneCall } from '../../platform/platform.js';
import type { Task } from '../task/task.js';
import { whereToAnswer } from './here.js';

/** What its shard refuses. */
const BY_THEIR_SHARD: readonly number[] = [NR.ptrace];

/** The argument of a wait that points at a signal mask, or at a pointer to one (pselect6): its shard applies that. */
const MASKS = new Map<number, number>([
  [NR.ppoll, 3],
  [NR.pselect6, 5],
  [NR.epoll_pwait, 4],
  [NR.epoll_pwait2, 4],
]);
const POINTER = 8;

export function callsByLane(): readonly number[] {
  return Object.values(NR).filter((n) => whereToAnswer(n) === 'home' && !BY_THEIR_SHARD.includes(n));
}

/** A wait with a signal mask of its own is for the shard of its task. */
export function bringsMask(task: Task, { number, args }: Pick<LaneCall, 'number' | 'args'>): boolean {
  const index = MASKS.get(number);
  if (index === undefined) return false;
  const at = (args[2 * index + 1] as number) * 0x1_0000_0000 + (args[2 * index] as number);
  if (at === 0 || number !== NR.pselect6) return at !== 0;
  const pointer = new Uint8Array(POINTER);
  // What cannot be read is for its shard to refuse.
  return task.mm.space.read(userAddr(at), pointer) < POINTER || pointer.some((byte) => byte !== 0);
}

/** Of a wait that came to nothing, Linux asks whether a signal is there (do_poll, do_select): its shard knows. */
export function asksForSignals(number: number, value: number): boolean {
  if (value !== 0) return false;
  return number === NR.poll || number === NR.select || number === NR.ppoll || number === NR.pselect6;
}
