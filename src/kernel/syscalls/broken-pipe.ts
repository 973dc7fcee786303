/** EPIPE from a write to a pipe or stream socket comes with SIGPIPE, signal(7). */
import { E } from '../../abi/errno.js';
import { SIG } from '../../abi/signal.js';
import type { Failure } from '../outcome.js';
import { sendToTask } from '../signal/send.js';
import { userSignal } from '../signal/siginfo.js';
import type { Task } from '../task/task.js';

/** `failure`, having sent the signal when it is EPIPE. */
export function brokenPipe(task: Task, failure: Failure): Failure {
  if (failure.errno === E.EPIPE) {
    sendToTask(task, userSignal(SIG.PIPE, task.group.pid, task.creds.uid));
  }
  return failure;
}
