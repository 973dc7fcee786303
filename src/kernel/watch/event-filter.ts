/**
 * What one observer wants of the events of a shard, in a form that is quick to ask: by type, process,
 * system call and path.
 */
import { NR_END } from '../../abi/numbers.js';
import type { EventType, KernelEvent, ObserverSpec } from '../../messages/events.js';
import { parseStraceFilter } from '../syscalls/strace-filter.js';
import { FILE_EVENT_CALLS } from './file-events.js';

type FilterSpec = Pick<ObserverSpec, 'types' | 'pids' | 'syscalls' | 'paths'>;

export class EventFilter {
  readonly types: ReadonlySet<EventType>;
  /** By number: 1 where a call makes events that are wanted here. */
  readonly calls = new Uint8Array(NR_END);
  /** By number: 1 where those have the files in them that the call names, or depend on them. */
  readonly namesFiles = new Uint8Array(NR_END);
  private readonly _pids: ReadonlySet<number> | undefined;
  private readonly _paths: readonly string[] | undefined;
  /** By number: 1 where events of the call itself are wanted. */
  private readonly _syscalls = new Uint8Array(NR_END).fill(1);

  /** The expression of `syscalls` has been checked by whoever took it from outside. */
  constructor(spec: FilterSpec) {
    this.types = new Set(spec.types);
    this._pids = spec.pids && new Set(spec.pids);
    this._paths = spec.paths?.map((path) => (path.endsWith('/') ? path.slice(0, -1) : path));
    if (spec.syscalls !== undefined) this._select(spec.syscalls);
    if (this.types.has('syscall') || this.types.has('syscallEnter')) this.calls.set(this._syscalls);
    for (const [type, numbers] of FILE_EVENT_CALLS) {
      if (!this.types.has(type)) continue;
      for (const n of numbers) {
        this.calls[n] = 1;
        this.namesFiles[n] = 1;
      }
    }
    if (this.byPath) this.namesFiles.set(this.calls);
  }

  private _select(expression: string): void {
    const parsed = parseStraceFilter(expression);
    if ('error' in parsed) throw new Error(parsed.error);
    for (let n = 0; n < NR_END; n++) this._syscalls[n] = parsed(n) ? 1 : 0;
  }

  get byPath(): boolean {
    return this._paths !== undefined;
  }

  /** Whether a call may make an event for this observer; `paths` are the files it names, where known. */
  wantsCall(sysno: number, pid: number, paths: readonly string[] | undefined): boolean {
    if (this.calls[sysno] !== 1 || !this._wantsPid(pid)) return false;
    return paths === undefined || this._wantsPaths(paths);
  }

  matches(event: KernelEvent): boolean {
    if (!this.types.has(event.type) || !this._wantsPid(event.pid)) return false;
    if ('sysno' in event && this._syscalls[event.sysno] === 0) return false;
    return this._paths === undefined || this._wantsPaths(pathsOf(event));
  }

  private _wantsPid(pid: number): boolean {
    return this._pids === undefined || this._pids.has(pid);
  }

  private _wantsPaths(named: readonly string[]): boolean {
    const wanted = this._paths;
    if (wanted === undefined) return true;
    return named.some((path) => wanted.some((w) => path === w || path.startsWith(`${w}/`)));
  }
}

function pathsOf(event: KernelEvent): readonly string[] {
  switch (event.type) {
    case 'syscall':
    case 'syscallEnter':
      return event.paths ?? [];
    case 'exec':
      return [event.filename];
    case 'fileRename':
      return [event.path, event.newPath];
    case 'fileOpen':
    case 'fileClose':
    case 'fileUnlink':
      return [event.path];
    default:
      return [];
  }
}
