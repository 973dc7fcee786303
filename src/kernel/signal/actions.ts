/**
 * What a thread group does with each signal, sigaction(2) and signal(7).
 *
 * Shared by the threads of a group, and by groups made with CLONE_SIGHAND; fork copies, execve resets.
 */
import { NSIG, SIG, SIG_DFL, SIG_IGN } from '../../abi/signal.js';
import type { UserAddr } from '../../base/brand.js';
import { EMPTY_MASK, type SignalMask } from './mask.js';

export interface SignalAction {
  /** SIG_DFL, SIG_IGN or an address. */
  readonly handler: number;
  readonly flags: number;
  readonly restorer: UserAddr;
  readonly mask: SignalMask;
}

const DEFAULT: SignalAction = { handler: SIG_DFL, flags: 0, restorer: 0 as UserAddr, mask: EMPTY_MASK };

export type DefaultAction = 'terminate' | 'core' | 'ignore' | 'stop' | 'continue';

const CORE: number[] = [
  SIG.QUIT,
  SIG.ILL,
  SIG.TRAP,
  SIG.ABRT,
  SIG.BUS,
  SIG.FPE,
  SIG.SEGV,
  SIG.XCPU,
  SIG.XFSZ,
  SIG.SYS,
];
const IGNORED: number[] = [SIG.CHLD, SIG.URG, SIG.WINCH];
const STOPS: number[] = [SIG.STOP, SIG.TSTP, SIG.TTIN, SIG.TTOU];

export function defaultAction(signo: number): DefaultAction {
  if (signo === SIG.CONT) return 'continue';
  if (STOPS.includes(signo)) return 'stop';
  if (IGNORED.includes(signo)) return 'ignore';
  return CORE.includes(signo) ? 'core' : 'terminate';
}

export class SignalActions {
  private readonly _actions: SignalAction[];

  constructor(actions: SignalAction[] = new Array<SignalAction>(NSIG + 1).fill(DEFAULT)) {
    this._actions = actions;
  }

  get(signo: number): SignalAction {
    return this._actions[signo] ?? DEFAULT;
  }

  set(signo: number, action: SignalAction): void {
    this._actions[signo] = action;
  }

  reset(signo: number): void {
    this._actions[signo] = DEFAULT;
  }

  /** True when it would do nothing on arrival, by default or by wish. */
  ignores(signo: number): boolean {
    const { handler } = this.get(signo);
    if (handler === SIG_IGN) return true;
    if (handler !== SIG_DFL) return false;
    const what = defaultAction(signo);
    return what === 'ignore' || what === 'continue';
  }

  fork(): SignalActions {
    return new SignalActions([...this._actions]);
  }

  /** For a new program: handlers are gone, what was ignored stays ignored. */
  forExec(): SignalActions {
    return new SignalActions(
      this._actions.map((a) => (a.handler === SIG_IGN ? { ...DEFAULT, handler: SIG_IGN } : DEFAULT)),
    );
  }
}
