/**
 * Events as a trace in Chrome's JSON format, which Perfetto and chrome://tracing open: a track for each
 * task, slices for what it does (running, in a system call, blocked in it, stopped), instants for signals.
 * Times are microseconds of guest time.
 */
import type { EventBase, EventType, KernelEvent } from '../messages/events.js';

export interface TraceRecord {
  readonly name: string;
  readonly cat?: string;
  /** M: metadata; X: a slice; i: an instant. */
  readonly ph: 'M' | 'X' | 'i';
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  /** Of an instant: on the track of its thread. */
  readonly s?: 't';
  readonly args?: Readonly<Record<string, unknown>>;
}

/** What a trace is made of. */
export const TRACE_TYPES = [
  'taskStart',
  'exec',
  'taskExit',
  'syscall',
  'block',
  'wake',
  'signalDelivered',
  'groupStop',
  'groupContinue',
  'fault',
  'guestBroken',
  'hookError',
] as const satisfies readonly EventType[];

interface Track {
  readonly pid: number;
  readonly tid: number;
  /** It runs since then, as far as is known. */
  runningNs: number;
  blockedNs: number | undefined;
}

export class ChromeTrace {
  readonly #tracks = new Map<number, Track>();
  #lastNs = 0;

  /** The records that an event makes. */
  add(event: KernelEvent): TraceRecord[] {
    this.#lastNs = Math.max(this.#lastNs, event.timeNs);
    switch (event.type) {
      case 'taskStart':
        return [...this.#started(event), named(event, event.comm)];
      case 'exec':
        return [named(event, baseName(event.filename)), instant(event, 'exec', { argv: event.argv })];
      case 'syscall': {
        const { name, args, resultText, durationNs, timeNs } = event;
        const startNs = Math.max(0, timeNs - durationNs);
        const ran = this.#ran(event, startNs, timeNs);
        return [...ran, slice(event, name, 'syscall', startNs, timeNs, { args, result: resultText })];
      }
      case 'block':
        this.#track(event).blockedNs = event.timeNs;
        return [];
      case 'wake': {
        const track = this.#track(event);
        const since = track.blockedNs;
        track.blockedNs = undefined;
        if (since === undefined) return [];
        return [slice(event, 'blocked', 'blocked', since, event.timeNs, { how: event.how })];
      }
      case 'taskExit': {
        const ran = this.#ran(event, event.timeNs, event.timeNs);
        this.#tracks.delete(event.tid);
        return [...ran, instant(event, 'exit', { status: event.exitStatus })];
      }
      case 'signalDelivered':
        return [instant(event, event.signal, { action: event.action, info: event.infoText })];
      case 'groupStop':
      case 'groupContinue':
        return [instant(event, event.type)];
      case 'fault':
        return [instant(event, 'fault', { signo: event.signo, addr: event.addr })];
      case 'guestBroken':
      case 'hookError':
        return [instant(event, event.type, { why: event.why })];
      case 'end':
        return [...this.#tracks.values()].flatMap((t) =>
          this.#ran({ ...event, ...t }, this.#lastNs, this.#lastNs),
        );
      default:
        return [];
    }
  }

  #started(event: EventBase): TraceRecord[] {
    this.#track(event);
    const { pid, tid } = event;
    return [{ name: 'process_sort_index', ph: 'M', pid, tid, args: { sort_index: pid } }];
  }

  #track({ pid, tid, timeNs }: EventBase): Track {
    const known = this.#tracks.get(tid);
    if (known) return known;
    const track = { pid, tid, runningNs: timeNs, blockedNs: undefined };
    this.#tracks.set(tid, track);
    return track;
  }

  /** The guest's own code ran until `untilNs`, and does so again from `againNs`. */
  #ran(event: EventBase, untilNs: number, againNs: number): TraceRecord[] {
    const known = this.#tracks.get(event.tid);
    const track = this.#track(event);
    const since = track.runningNs;
    track.runningNs = againNs;
    return known && untilNs > since ? [slice(event, 'running', 'running', since, untilNs)] : [];
  }
}

function named({ pid, tid }: EventBase, name: string): TraceRecord {
  // A process is named by its leader; a thread that is no leader names itself only.
  return { name: pid === tid ? 'process_name' : 'thread_name', ph: 'M', pid, tid, args: { name } };
}

function slice(
  { pid, tid }: EventBase,
  name: string,
  cat: string,
  fromNs: number,
  toNs: number,
  args?: Readonly<Record<string, unknown>>,
): TraceRecord {
  const times = { ts: fromNs / 1_000, dur: (toNs - fromNs) / 1_000 };
  return { name, cat, ph: 'X', pid, tid, ...times, ...(args ? { args } : {}) };
}

function instant(
  { pid, tid, timeNs }: EventBase,
  name: string,
  args?: Readonly<Record<string, unknown>>,
): TraceRecord {
  return { name, cat: 'event', ph: 'i', s: 't', pid, tid, ts: timeNs / 1_000, ...(args ? { args } : {}) };
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
