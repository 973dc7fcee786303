/**
 * All tasks and thread groups of a shard, by number: the PID table. Process 1 is the kernel itself, or
 * the first process of a kernel made in steps (docs/decisions/0020); others are numbered from 2.
 *
 * A number is in use as long as a task, a zombie, a process group or a session has it.
 */
import { E } from '../../abi/errno.js';
import type { Tid } from '../../base/brand.js';
import { FutexTable } from '../futex/futex-table.js';
import { PiTable } from '../futex/pi-table.js';
import { type Failure, fail, type Result } from '../outcome.js';
import { RunQueue } from './run-queue.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';

/** PID_MAX_LIMIT on 64-bit Linux; /proc/sys/kernel/pid_max. */
export const PID_MAX = 4_194_304;
const FIRST_PID = 2;
export const INIT_PID = 1;

export interface TaskSetOptions {
  readonly maxTasks: number;
  /** Carries out the system call a task trapped with: syscalls/dispatch.ts; tests hand in their own. */
  readonly dispatch: (task: Task, number?: number) => Result;
  /** This shard's number, for events. */
  readonly shard?: number;
  /** The numbers this shard hands out: every `stride`th from `first`, so that shards never give the same. */
  readonly pids?: { readonly first: number; readonly stride: number };
}

/** What of a TaskSet is saved. */
export interface TaskSetState {
  readonly init: ThreadGroup | undefined;
  readonly closed: boolean;
  readonly pauses: number;
  readonly _tasks: Map<number, Task>;
  readonly _groups: Map<number, ThreadGroup>;
  readonly _nextPid: number;
  readonly _wrapped: boolean;
}

export class TaskSet {
  readonly runQueue = new RunQueue();
  /** On whose behalf the kernel works right now (Linux: current): /proc/self. */
  current: Task | undefined;
  readonly futexes = new FutexTable();
  readonly piLocks = new PiTable();
  dispatch: (task: Task, number?: number) => Result;
  readonly shard: number;
  readonly maxTasks: number;
  /** Process 1, when it is a guest; stays after it has ended. */
  init: ThreadGroup | undefined;
  /** Process 1 has ended: there will be no more tasks. */
  closed = false;
  /** External pauses that hold (stop.ts). */
  pauses = 0;
  private _tasks = new Map<number, Task>();
  private _groups = new Map<number, ThreadGroup>();
  private readonly _waiting: (() => void)[] = [];
  private readonly _pids: { readonly first: number; readonly stride: number };
  private _nextPid: number;
  private _wrapped = false;

  constructor(options: TaskSetOptions) {
    this.maxTasks = options.maxTasks;
    this.dispatch = options.dispatch;
    this.shard = options.shard ?? 0;
    this._pids = options.pids ?? { first: FIRST_PID, stride: 1 };
    this._nextPid = this._pids.first;
  }

  /** A task that lives, or the dead leader of a group that is not reaped yet. */
  byTid(tid: number): Task | undefined {
    return this._tasks.get(tid);
  }

  /** A group, zombies included. */
  byPid(pid: number): ThreadGroup | undefined {
    return this._groups.get(pid);
  }

  all(): Iterable<Task> {
    return this._tasks.values();
  }

  groups(): Iterable<ThreadGroup> {
    return this._groups.values();
  }

  *processGroup(pgid: number): Iterable<ThreadGroup> {
    for (const g of this._groups.values()) if (g.pgid === pgid) yield g;
  }

  /** Tasks and unreaped leaders: what maxTasks bounds. */
  get size(): number {
    return this._tasks.size;
  }

  /**
   * A number nothing has, not taken until a task with it is added; EAGAIN when there may be no more tasks,
   * ENOMEM after the end of process 1.
   */
  allocateTid(): Tid | Failure {
    if (this.closed) return fail(E.ENOMEM);
    if (this._tasks.size >= this.maxTasks) return fail(E.EAGAIN);
    for (let tries = 0; tries < PID_MAX; tries++) {
      const id = this._nextPid;
      this._nextPid += this._pids.stride;
      if (this._nextPid >= PID_MAX) {
        this._nextPid = this._pids.first;
        this._wrapped = true;
      }
      if (!this._wrapped || !this._inUse(id)) return id as Tid;
    }
    return fail(E.EAGAIN);
  }

  /** A task that has its number begins to be; the first of a group brings the group. */
  add(task: Task): void {
    const { group } = task;
    if (group.tasks.size === 0) {
      group.leader = task;
      this._groups.set(group.pid, group);
    }
    group.tasks.add(task);
    this._tasks.set(task.tid, task);
    task.stopCount += this.pauses;
    if (this.pauses > 0) task.attention = true;
  }

  /** The number of a thread that has ended. */
  removeTid(tid: Tid): void {
    this._tasks.delete(tid);
    this._tellEmpty();
  }

  /** Calls back once, when there is no task: maybe at once. */
  whenEmpty(tell: () => void): void {
    this._waiting.push(tell);
    this._tellEmpty();
  }

  private _tellEmpty(): void {
    if (this._tasks.size === 0) for (const tell of this._waiting.splice(0)) tell();
  }

  /** execve by a thread: it becomes the leader, under the leader's number. */
  makeLeader(task: Task): void {
    const { group } = task;
    this._tasks.delete(task.tid);
    task.tid = group.pid as number as Tid;
    group.leader = task;
    this._tasks.set(task.tid, task);
  }

  /** A zombie has been waited for. */
  forget(group: ThreadGroup): void {
    group.parent?.children.delete(group);
    group.parent = undefined;
    this._groups.delete(group.pid);
    this._tasks.delete(group.pid);
    this._tellEmpty();
  }

  /** All there are, and the numbers to come. */
  toSaved(): TaskSetState {
    const { init, closed, pauses, _tasks, _groups, _nextPid, _wrapped } = this;
    return { init, closed, pauses, _tasks, _groups, _nextPid, _wrapped };
  }

  /** What was paused several times is paused once: whoever loads it knows of no other pause. */
  fromSaved(saved: TaskSetState): void {
    const pauses = Math.min(saved.pauses, 1);
    for (const task of saved._tasks.values()) task.stopCount -= saved.pauses - pauses;
    Object.assign(this, saved, { pauses });
  }

  private _inUse(id: number): boolean {
    if (this._tasks.has(id)) return true;
    for (const g of this._groups.values()) if (g.pgid === id || g.sid === id) return true;
    return false;
  }
}
