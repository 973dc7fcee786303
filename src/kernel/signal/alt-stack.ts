/** The alternate signal stack, sigaltstack(2). */
import { E } from '../../abi/errno.js';
import { MINSIGSTKSZ, SS } from '../../abi/signal.js';
import type { UserAddr } from '../../base/brand.js';
import { type Failure, fail } from '../outcome.js';
import type { AltStack, Task } from '../task/task.js';

/** Linux: on_sig_stack. A stack that disarms itself is never "on". */
export function onAltStack(altStack: Readonly<AltStack>, sp: UserAddr): boolean {
  if (altStack.flags & SS.AUTODISARM) return false;
  return sp > altStack.sp && sp - altStack.sp <= altStack.size;
}

/** As sigaltstack(2) tells it: the flags say how it is used now. */
export function describeAltStack({ altStack, context }: Task): AltStack {
  const kept = altStack.flags & SS.AUTODISARM;
  const using = altStack.size === 0 ? SS.DISABLE : onAltStack(altStack, context.getSp()) ? SS.ONSTACK : 0;
  return { sp: altStack.sp, size: altStack.size, flags: using | kept };
}

export function setAltStack(task: Task, next: Readonly<AltStack>): Failure | undefined {
  if (onAltStack(task.altStack, task.context.getSp())) return fail(E.EPERM);
  const mode = next.flags & ~SS.AUTODISARM;
  if (mode !== 0 && mode !== SS.DISABLE && mode !== SS.ONSTACK) return fail(E.EINVAL);
  if (mode === SS.DISABLE) {
    task.altStack = { sp: 0 as UserAddr, size: 0, flags: next.flags };
    return undefined;
  }
  if (next.size < MINSIGSTKSZ) return fail(E.ENOMEM);
  task.altStack = { ...next };
  return undefined;
}
