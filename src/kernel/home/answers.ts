/** What the home answers to shards that stand and wait (docs/decisions/0032), and the files that it lends them. */
import { E } from '../../abi/errno.js';
import type { FileDescription } from '../fs/file-description.js';
import { contextOf } from '../fs/fs-context.js';
import type { Inode } from '../fs/inode.js';
import { walk } from '../fs/walk.js';
import { openExecutable } from '../loader/executable.js';
import { Failure, fail, SyscallError } from '../outcome.js';
import type { KernelServices } from '../services.js';
import { isOrphaned } from '../signal/job-control.js';
import { cloneDeputy } from '../task/clone.js';
import type { Task } from '../task/task.js';
import type { Answer, LentFile, Question } from './conversation.js';

export class Answers {
  private readonly _lent = new Map<number, FileDescription>();
  private readonly _inodeNumbers = new WeakMap<Inode, number>();
  private _nextHandle = 1;
  private _nextInode = 1;

  constructor(readonly kernel: KernelServices) {}

  to(question: Question): Answer {
    try {
      return this._find(question);
    } catch (e) {
      if (e instanceof SyscallError) return { type: 'refused', errno: e.errno };
      throw e;
    }
  }

  // Files that are lent

  lent(handle: number): FileDescription | undefined {
    return this._lent.get(handle);
  }

  takeBack(handle: number): void {
    this._lent.get(handle)?.release();
    this._lent.delete(handle);
  }

  /** The number by which shards know an inode, if any does. */
  numberOf(inode: Inode): number | undefined {
    return this._inodeNumbers.get(inode);
  }

  /** The inode behind such a number, as long as a file of it is lent. */
  inodeOf(number: number): Inode | undefined {
    for (const { inode } of this._lent.values()) if (this._inodeNumbers.get(inode) === number) return inode;
    return undefined;
  }

  private _find(question: Question): Answer {
    switch (question.type) {
      case 'clone': {
        const child = cloneDeputy(this._asker(question.tid), question.request);
        return child instanceof Failure ? refused(child) : { type: 'number', value: child.tid };
      }
      case 'program': {
        const ctx = contextOf(this._asker(question.tid));
        const program = openExecutable(this.kernel, ctx, question.path);
        return program instanceof Failure ? refused(program) : this._lend(program.file);
      }
      case 'programBelow':
        return this._programBelow(question);
      case 'file':
        return this._lend(this._asker(question.tid).files.requireAny(question.fd).retain());
      case 'mapping': {
        const mapping = this._lent.get(question.handle)?.mappable(question) ?? fail(E.EBADF);
        return mapping instanceof Failure ? refused(mapping) : { type: 'mapping', mapping };
      }
      case 'orphaned': {
        const group = this.kernel.tasks.byPid(question.pid);
        return { type: 'number', value: group && isOrphaned(this.kernel.tasks, group.pgid) ? 1 : 0 };
      }
    }
  }

  private _programBelow({ tid, fd, path, followLast }: Extract<Question, { type: 'programBelow' }>): Answer {
    const ctx = contextOf(this._asker(tid), fd, path);
    const place = walk(ctx, path, { followLast });
    if (place instanceof Failure) return refused(place);
    const program = openExecutable(this.kernel, ctx, place);
    return program instanceof Failure ? refused(program) : this._lend(program.file);
  }

  /**
   * Whoever asks is there: a deputy, or a task that waits for its program to be loaded elsewhere. What is found for it
   * depends on it: /proc/self.
   */
  private _asker(tid: number): Task {
    const { tasks } = this.kernel;
    const task = tasks.byTid(tid);
    if (!task) throw new SyscallError(E.ESRCH);
    tasks.current = task;
    return task;
  }

  /** Keeps the description, whose reference is handed over, until it is given back. */
  private _lend(file: FileDescription): Answer {
    const handle = this._nextHandle++;
    this._lent.set(handle, file);
    const { inode, path, flags } = file;
    let number = this._inodeNumbers.get(inode);
    if (number === undefined) {
      number = this._nextInode++;
      this._inodeNumbers.set(inode, number);
    }
    const readable = file.mappable({ shared: false, write: false });
    const lent: LentFile = {
      handle,
      flags,
      attributes: inode.attributes(),
      inode: number,
      mountFlags: path?.mount.flags ?? 0,
      name: path?.dentry.name ?? '',
      readable: readable instanceof Failure ? readable.errno : readable,
    };
    return { type: 'file', file: lent };
  }
}

const refused = ({ errno }: Failure): Answer => ({ type: 'refused', errno });
