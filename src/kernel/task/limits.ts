/**
 * Resource limits of a thread group, getrlimit(2). Values are bigint because RLIM_INFINITY is all ones;
 * `number()` gives the soft limit as a JS number (Infinity) for comparisons.
 *
 * Owner: the thread group; children inherit a copy.
 */
import { E } from '../../abi/errno.js';
import { RLIM_INFINITY, RLIMIT, RLIMIT_COUNT } from '../../abi/resource.js';
import { CAP, type Credentials, has } from '../auth/credentials.js';
import { type Failure, fail } from '../outcome.js';

export interface Limit {
  readonly soft: bigint;
  readonly hard: bigint;
}

const INFINITE: Limit = { soft: RLIM_INFINITY, hard: RLIM_INFINITY };
/** fs.nr_open: no descriptor limit may be above. */
const MAX_NOFILE = 1_048_576n;
const MEGABYTE = 1n << 20n;

/** include/asm-generic/resource.h (INIT_RLIMITS); NPROC and SIGPENDING follow the size of the machine there. */
function defaults(maxTasks: number): Limit[] {
  const limits = new Array<Limit>(RLIMIT_COUNT).fill(INFINITE);
  const set = (resource: number, soft: bigint, hard: bigint): void => {
    limits[resource] = { soft, hard };
  };
  const tasks = BigInt(maxTasks);
  set(RLIMIT.STACK, 8n * MEGABYTE, RLIM_INFINITY);
  set(RLIMIT.CORE, 0n, RLIM_INFINITY);
  set(RLIMIT.NPROC, tasks, tasks);
  set(RLIMIT.NOFILE, 1024n, MAX_NOFILE);
  set(RLIMIT.MEMLOCK, 8n * MEGABYTE, 8n * MEGABYTE);
  set(RLIMIT.SIGPENDING, tasks, tasks);
  set(RLIMIT.MSGQUEUE, 819_200n, 819_200n);
  set(RLIMIT.NICE, 0n, 0n);
  set(RLIMIT.RTPRIO, 0n, 0n);
  return limits;
}

export class ResourceLimits {
  private readonly _limits: Limit[];

  private constructor(limits: Limit[]) {
    this._limits = limits;
  }

  static defaults(maxTasks: number): ResourceLimits {
    return new ResourceLimits(defaults(maxTasks));
  }

  fork(): ResourceLimits {
    return new ResourceLimits([...this._limits]);
  }

  /** `resource` is one of RLIMIT. */
  get(resource: number): Limit {
    return this._limits[resource] ?? INFINITE;
  }

  /** The soft limit; Infinity when there is none. */
  number(resource: number): number {
    const { soft } = this.get(resource);
    return soft === RLIM_INFINITY ? Number.POSITIVE_INFINITY : Number(soft);
  }

  /** setrlimit(2) by somebody with these credentials. */
  change(resource: number, next: Limit, creds: Credentials): Failure | undefined {
    if (resource < 0 || resource >= RLIMIT_COUNT) return fail(E.EINVAL);
    if (next.soft > next.hard) return fail(E.EINVAL);
    if (resource === RLIMIT.NOFILE && next.hard > MAX_NOFILE) return fail(E.EPERM);
    if (next.hard > this.get(resource).hard && !has(creds, CAP.SYS_RESOURCE)) return fail(E.EPERM);
    this._limits[resource] = next;
    return undefined;
  }

  /** Sets without asking: for boot. */
  set(resource: number, next: Limit): void {
    this._limits[resource] = next;
  }
}
