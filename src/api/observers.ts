/**
 * The observers of one kernel: each filter goes to the shards, each event comes back numbered, between a
 * first one that says whose events these are and a last one that sums up.
 */
import type { KernelLink } from '../actors/kernel-link.js';
import { fromUnicode } from '../base/bytes.js';
import { EVENT_TYPES, type EventType, type KernelEvent, type ObserverSpec } from '../messages/events.js';
import type { KernelConfig } from '../messages/kernel.js';
import { type EventFilter, OptionsError, parseEventFilter } from '../options.js';
import { checkStraceFilter } from './check-strace.js';
import type { EventListener, Observe } from './event-stream.js';

const ALL_TYPES: readonly EventType[] = Object.values(EVENT_TYPES).flat();

export class Observers {
  readonly #ends = new Set<() => void>();
  #ended = false;

  constructor(
    readonly link: KernelLink,
    readonly config: KernelConfig,
  ) {}

  /** What each subscription does. Throws OptionsError. */
  observe(filter: EventFilter): Observe {
    const parsed = parseEventFilter(filter);
    const { types = ALL_TYPES, pids, paths, lossless } = parsed;
    const syscalls = typeof parsed.syscalls === 'object' ? parsed.syscalls.join(',') : parsed.syscalls;
    const wrong = syscalls === undefined ? undefined : checkStraceFilter(syscalls);
    if (wrong) throw new OptionsError(`syscalls: ${wrong}`);
    const wanted = {
      types,
      ...(pids ? { pids } : {}),
      ...(syscalls === undefined ? {} : { syscalls }),
      ...(paths ? { paths: paths.map(fromUnicode) } : {}),
      mode: lossless ? ('lossless' as const) : ('lossy' as const),
    };
    return (listener) => this.#begin(wanted, listener);
  }

  /** The kernel is closed, and all that it had to say has come. */
  end(): void {
    this.#ended = true;
    for (const end of [...this.#ends]) end();
  }

  #begin(wanted: Omit<ObserverSpec, 'id' | 'slot'>, listener: EventListener): () => void {
    const { events } = this.link;
    let seq = 0;
    let dropped = 0;
    let timeNs = 0;
    const give = (event: KernelEvent, handled: () => void): void => {
      listener.event({ ...event, seq: seq++ }, handled);
    };
    const own = (): { seq: number; timeNs: number; pid: number; tid: number; shard: number } => {
      return { seq, timeNs, pid: 0, tid: 0, shard: 0 };
    };
    const numbers = events.add((event) => {
      timeNs = Math.max(timeNs, event.timeNs);
      if (event.type === 'dropped') dropped += event.count;
      give(event, () => {
        events.dealtWith(event, numbered);
        if (wanted.mode === 'lossless') events.tellProgress(event);
      });
    });
    if (!numbers) throw new OptionsError('observe: there are too many observers already');
    const numbered = numbers;
    const stop = (): void => {
      this.#ends.delete(end);
      events.remove(numbered);
      this.link.unobserve(numbered);
    };
    const end = (): void => {
      stop();
      give({ ...own(), type: 'end', events: seq, dropped }, () => {});
      listener.end();
    };
    this.#ends.add(end);
    const { hostname, cores, shards, memoryBytes, maxTasks } = this.config;
    give({ ...own(), type: 'kernel', hostname, cores, shards, memoryBytes, maxTasks, format: 1 }, () => {});
    if (this.#ended) end();
    else this.link.observe({ ...wanted, ...numbered });
    return stop;
  }
}
