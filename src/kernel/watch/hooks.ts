/**
 * Hooks of the embedder, from a module that was loaded into this shard. Their code is trusted as the
 * embedder's own; but it may be wrong, and then the guest ends and not the kernel: whatever it throws, or
 * answers that makes no sense, becomes a HookError.
 */
import { E, type Errno, errnoName } from '../../abi/errno.js';
import { NR_END } from '../../abi/numbers.js';
import { signalNumber } from '../../abi/signal.js';
import { userAddr } from '../../base/brand.js';
import { fromUnicode } from '../../base/bytes.js';
import { ENTER_EXIT_GROUP, Failure, fail, type Outcome } from '../outcome.js';
import type { Declaration } from '../syscalls/declare.js';
import { parseStraceFilter } from '../syscalls/strace-filter.js';
import { startGroupExit } from '../task/group-exit.js';
import type { Task } from '../task/task.js';
import type { GuestMemory } from './hook-types.js';
import { HookError, type Interception, type Interceptor } from './interceptor.js';

type Hook = (call: object) => unknown;
type Fields = Readonly<Record<string, unknown>>;

export class Hooks implements Interceptor {
  readonly calls = new Uint8Array(NR_END).fill(1);
  private readonly _before: Hook | undefined;
  private readonly _after: Hook | undefined;

  /** `exports` of the module. Throws HookError where they are not what they should be. */
  constructor(
    readonly module: string,
    exports: Fields,
  ) {
    const { before, after, syscalls } = exports;
    this._before = this._hook('before', before);
    this._after = this._hook('after', after);
    if (!before && !after) throw this._error('exports neither before() nor after()');
    if (syscalls !== undefined) this._select(syscalls);
  }

  private _hook(name: string, value: unknown): Hook | undefined {
    if (value !== undefined && typeof value !== 'function')
      throw this._error(`its export ${name} is no function`);
    return value as Hook | undefined;
  }

  private _select(syscalls: unknown): void {
    if (typeof syscalls !== 'string') throw this._error('its export syscalls is no string');
    const filter = parseStraceFilter(syscalls);
    if ('error' in filter) throw this._error(`syscalls: ${filter.error}`);
    for (let n = 0; n < NR_END; n++) this.calls[n] = filter(n) ? 1 : 0;
  }

  before(task: Task, declaration: Declaration, args: unknown[]): Interception | undefined {
    if (!this._before) return undefined;
    const said = this._ask('before', this._before, callOf(task, declaration, args));
    if (said === undefined) return undefined;
    if ('args' in said) {
      this._rewrite(declaration, args, said['args']);
      return undefined;
    }
    return { mark: 'HOOKED', outcome: this._outcome(task, 'before', said) };
  }

  after(
    task: Task,
    declaration: Declaration,
    args: readonly unknown[],
    outcome: number | Failure,
  ): Outcome | undefined {
    if (!this._after) return undefined;
    const failed = outcome instanceof Failure;
    const said = this._ask('after', this._after, {
      ...callOf(task, declaration, args),
      result: failed ? undefined : outcome,
      errno: failed ? errnoName(outcome.errno) : undefined,
    });
    return said && this._outcome(task, 'after', said);
  }

  private _ask(name: string, hook: Hook, call: object): Fields | undefined {
    let said: unknown;
    try {
      said = hook(call);
    } catch (e) {
      throw this._error(e instanceof Error ? (e.stack ?? e.message) : `${name}() threw ${String(e)}`);
    }
    if (said === undefined) return undefined;
    if (typeof said !== 'object' || said === null) throw this._error(`${name}() answered ${String(said)}`);
    if ('then' in said) {
      throw this._error(`${name}() answered a promise: hooks are synchronous, the guest waits for them`);
    }
    return said as Fields;
  }

  private _rewrite(declaration: Declaration, args: unknown[], wanted: unknown): void {
    if (typeof wanted !== 'object' || wanted === null)
      throw this._error('before() answered args that are no object');
    for (const [name, value] of Object.entries(wanted)) {
      const at = declaration.args.findIndex((a) => a.name === name);
      if (at < 0) throw this._error(`${declaration.name} has no argument ${name}`);
      if (typeof value !== typeof args[at]) {
        throw this._error(
          `argument ${name} of ${declaration.name} is a ${typeof args[at]}, not a ${typeof value}`,
        );
      }
      args[at] = value;
    }
  }

  private _outcome(task: Task, name: string, said: Fields): Outcome {
    const { result, errno, kill } = said;
    if (typeof result === 'number' && Number.isSafeInteger(result)) return result;
    if (typeof errno === 'string' && Object.hasOwn(E, errno))
      return fail(E[errno as keyof typeof E] as Errno);
    const signo = typeof kill === 'string' ? signalNumber(kill) : undefined;
    if (signo === undefined) {
      throw this._error(
        `${name}() answered ${Object.keys(said).join(', ')}: not args, result, errno or kill`,
      );
    }
    startGroupExit(task.group, signo);
    return ENTER_EXIT_GROUP;
  }

  private _error(why: string): HookError {
    // Messages of the embedder's code are Unicode, what leaves the kernel are byte strings.
    return new HookError(this.module, fromUnicode(why));
  }
}

function callOf(task: Task, { name, number, args: declared }: Declaration, args: readonly unknown[]): object {
  const { creds, group, tid, comm } = task;
  return {
    name,
    sysno: number,
    pid: group.pid,
    tid,
    comm,
    uid: creds.euid,
    gid: creds.egid,
    args: Object.fromEntries(declared.map((a, i) => [a.name, args[i]])),
    memory: memoryOf(task),
  };
}

function memoryOf(task: Task): GuestMemory {
  return {
    read(addr, length) {
      const bytes = new Uint8Array(length);
      return task.memory.tryRead(userAddr(addr), bytes) === length ? bytes : undefined;
    },
    write: (addr, bytes) => task.memory.tryWrite(userAddr(addr), bytes) === bytes.length,
  };
}
