/**
 * Moving messages between sockets and guest memory: waiting, partial results, MSG_WAITALL, time limits,
 * SIGPIPE. The first attempt is a plain call; only what would wait becomes a generator.
 */
import { E } from '../../abi/errno.js';
import { MSG_NOSIGNAL, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, SOL_TCP } from '../../abi/socket.js';
import { type Segment, userSinkVector, userSourceVector } from '../fs/user-io.js';
import { type Incoming, NO_NAME, type Outgoing, type Socket } from '../net/socket.js';
import { type Blocking, Failure, fail, type Outcome, type Result, type Resumed } from '../outcome.js';
import type { Task } from '../task/task.js';
import { block, ERR, HUP, IN, OUT, WOULD_BLOCK } from '../wait.js';
import { brokenPipe } from './broken-pipe.js';
import { deadlineOf, mayWait, unfinished } from './socket-arguments.js';
import { totalLength } from './transfer.js';

// --- Sending ---

export function send(task: Task, socket: Socket, segments: readonly Segment[], message: Outgoing): Result {
  let sent = task.resumed?.done ?? 0;
  // Descriptors travel with the first byte, once.
  let carried = sent > 0 ? withoutRights(message) : message;
  const total = totalLength(segments);
  const attempt = (): number | Failure | typeof WOULD_BLOCK => {
    const source = userSourceVector(task, segments);
    source.skip(sent);
    const n = socket.trySend(source, carried);
    if (typeof n !== 'number') return n instanceof Failure && sent > 0 ? sent : n;
    sent += n;
    carried = { ...message, rights: [] };
    return sent < total && socket.isStream && !source.faulted ? WOULD_BLOCK : sent;
  };
  const finish = (result: number | Failure): Outcome => {
    if (!(result instanceof Failure)) return result;
    const quiet = (message.flags & MSG_NOSIGNAL) !== 0 || !socket.isStream;
    return settled(quiet ? result : brokenPipe(task, result), carried);
  };
  if ((message.flags & MSG_OOB) !== 0 && socket.protocol !== SOL_TCP) {
    return settled(fail(E.EOPNOTSUPP), message);
  }
  const first = attempt();
  if (first !== WOULD_BLOCK) return finish(first);
  if (!mayWait(socket, message.flags)) return sent > 0 ? sent : settled(fail(E.EAGAIN), carried);
  const giveUp = (late: Outcome): Outcome => (sent > 0 ? sent : settled(late, carried));
  return waitToSend(task, socket, attempt, { finish, giveUp, done: () => sent });
}

interface SendEnd {
  readonly finish: (result: number | Failure) => Outcome;
  /** What it comes to when it ends before all was sent. */
  readonly giveUp: (otherwise: Outcome) => Outcome;
  readonly done: () => number;
}

function* waitToSend(
  task: Task,
  socket: Socket,
  attempt: () => number | Failure | typeof WOULD_BLOCK,
  { finish, giveUp, done }: SendEnd,
): Blocking<Outcome> {
  const timeout = socket.options.sendTimeoutNs;
  const deadlineNs = deadlineOf(task, timeout);
  socket.retain();
  try {
    const resume = (): Resumed => ({ done: done() });
    const r = yield* block(socket, OUT | HUP | ERR, attempt, { deadlineNs, resume });
    if (typeof r === 'string') return giveUp(unfinished(r, timeout, fail(E.EAGAIN)));
    return finish(r);
  } finally {
    socket.release();
  }
}

/** Nothing was sent: the descriptors that would have travelled are given back. */
function settled(outcome: Outcome, message: Outgoing): Outcome {
  for (const file of message.rights) file.release();
  return outcome;
}

function withoutRights(message: Outgoing): Outgoing {
  for (const file of message.rights) file.release();
  return { ...message, rights: [] };
}

// --- Receiving ---

type Received = Incoming | 'end' | Failure;

/** `finish` is told what was received, or undefined at the end of a stream. */
export function receive(
  task: Task,
  socket: Socket,
  segments: readonly Segment[],
  f: number,
  finish: (taken: Incoming | undefined) => Outcome,
): Result {
  if ((f & MSG_OOB) !== 0) return fail(socket.isStream ? E.EINVAL : E.EOPNOTSUPP);
  const wanted = totalLength(segments);
  const waits = mayWait(socket, f);
  const how = {
    peek: (f & MSG_PEEK) !== 0,
    discard: (f & MSG_TRUNC) !== 0 && socket.protocol === SOL_TCP,
    waits,
  };
  const all = (f & MSG_WAITALL) !== 0 && !how.peek && socket.isStream;
  // What a call that starts anew has received is in the guest's memory already.
  const before = task.resumed?.done ?? 0;
  let have: Incoming | undefined = before > 0 ? { ...NOTHING_RECEIVED, count: before } : undefined;
  const attempt = (): Received | typeof WOULD_BLOCK => {
    for (;;) {
      const sink = userSinkVector(task, segments);
      sink.skip(have?.count ?? 0);
      const r = socket.tryReceive(sink, how);
      if (r === WOULD_BLOCK) return r;
      if (r === 'end' || r instanceof Failure) return have ?? r;
      have = have ? { ...r, count: have.count + r.count, rights: [...have.rights, ...r.rights] } : r;
      if (!all || have.count >= wanted || r.rights.length > 0 || sink.faulted) return have;
    }
  };
  const first = attempt();
  if (first !== WOULD_BLOCK) return conclude(first, finish);
  if (!waits) return have ? finish(have) : fail(E.EAGAIN);
  return waitToReceive(task, socket, attempt, { finish, partial: () => have });
}

const NOTHING_RECEIVED: Incoming = { count: 0, length: 0, truncated: false, rights: [], from: NO_NAME };

interface ReceiveEnd {
  readonly finish: (taken: Incoming | undefined) => Outcome;
  /** What has come so far (MSG_WAITALL). */
  readonly partial: () => Incoming | undefined;
}

function* waitToReceive(
  task: Task,
  socket: Socket,
  attempt: () => Received | typeof WOULD_BLOCK,
  { finish, partial }: ReceiveEnd,
): Blocking<Outcome> {
  const timeout = socket.options.receiveTimeoutNs;
  const deadlineNs = deadlineOf(task, timeout);
  socket.retain();
  try {
    const resume = (): Resumed => ({ done: partial()?.count ?? 0 });
    const r = yield* block(socket, IN | HUP | ERR, attempt, { deadlineNs, resume });
    if (r !== 'interrupted' && r !== 'timedOut') return conclude(r, finish);
    const have = partial();
    return have ? finish(have) : unfinished(r, timeout, fail(E.EAGAIN));
  } finally {
    socket.release();
  }
}

function conclude(r: Received, finish: (taken: Incoming | undefined) => Outcome): Outcome {
  if (r instanceof Failure) return r;
  return finish(r === 'end' ? undefined : r);
}
