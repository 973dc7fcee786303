/**
 * Controlling terminals, one a session at most: how a session gets one and loses it, setsid(2), tty(4),
 * ioctl_tty(2). Linux: drivers/tty/tty_jobctrl.c and __tty_hangup.
 *
 * A process knows its terminal (ThreadGroup.terminal), a terminal its session; both are set together.
 */
import { E } from '../../../abi/errno.js';
import { SIG } from '../../../abi/signal.js';
import { CAP, has } from '../../auth/credentials.js';
import { type Failure, fail } from '../../outcome.js';
import { sendToGroup } from '../../signal/send.js';
import { kernelSignal } from '../../signal/siginfo.js';
import type { Task } from '../../task/task.js';
import type { TaskSet } from '../../task/task-set.js';
import type { ThreadGroup } from '../../task/thread-group.js';
import { signalProcessGroup } from './job-control.js';
import type { Terminal } from './terminal.js';

const leadsSession = (group: ThreadGroup): boolean => group.sid === group.pid;

/** Makes it the controlling terminal of the session that `group` leads. */
export function takeTerminal(group: ThreadGroup, terminal: Terminal): void {
  terminal.session = group.sid;
  terminal.foreground = group.pgid;
  group.terminal = terminal;
}

/** What opening a terminal to read, without O_NOCTTY, means to a session leader that has none. */
export function openedTerminal(task: Task, terminal: Terminal): void {
  const { group } = task;
  if (leadsSession(group) && !group.terminal && terminal.session === undefined) takeTerminal(group, terminal);
}

/** TIOCSCTTY; `force` (its argument is 1) takes it from another session. */
export function setControlling(
  task: Task,
  terminal: Terminal,
  options: { force: boolean; readable: boolean },
): number | Failure {
  const { group, creds, kernel } = task;
  if (leadsSession(group) && terminal.session === group.sid) return 0;
  if (!leadsSession(group) || group.terminal) return fail(E.EPERM);
  if (terminal.session !== undefined) {
    if (!options.force || !has(creds, CAP.SYS_ADMIN)) return fail(E.EPERM);
    forgetIn(kernel.tasks, terminal.session, terminal);
  }
  if (!options.readable && !has(creds, CAP.SYS_ADMIN)) return fail(E.EPERM);
  takeTerminal(group, terminal);
  return 0;
}

/** TIOCNOTTY: the caller goes on without; when it leads the session, so does all of it. */
export function giveUpControlling(task: Task, terminal: Terminal): number | Failure {
  const { group, kernel } = task;
  if (group.terminal !== terminal) return fail(E.ENOTTY);
  if (leadsSession(group)) {
    if (terminal.foreground !== undefined) {
      signalProcessGroup(kernel.tasks, terminal.foreground, SIG.HUP);
      signalProcessGroup(kernel.tasks, terminal.foreground, SIG.CONT);
    }
    release(kernel.tasks, group, terminal);
  }
  group.terminal = undefined;
  return 0;
}

/** A session leader has ended: its foreground jobs are told, and the terminal is free again. */
export function leaderEnded(tasks: TaskSet, group: ThreadGroup): void {
  if (!leadsSession(group)) return;
  const { terminal } = group;
  if (terminal) {
    if (terminal.foreground !== undefined) signalProcessGroup(tasks, terminal.foreground, SIG.HUP);
    release(tasks, group, terminal);
    return;
  }
  const { foregroundAtHangUp } = group;
  if (foregroundAtHangUp === undefined) return;
  signalProcessGroup(tasks, foregroundAtHangUp, SIG.HUP);
  signalProcessGroup(tasks, foregroundAtHangUp, SIG.CONT);
}

/** The line is dead (the master has closed, vhangup): the session leader is told, nobody keeps it. */
export function hangUp(tasks: TaskSet, terminal: Terminal): void {
  const { session, foreground } = terminal;
  terminal.session = undefined;
  terminal.foreground = undefined;
  terminal.packetStatus = 0;
  if (session !== undefined) {
    forgetIn(tasks, session, terminal);
    const leader = tasks.byPid(session);
    if (leader && leader.sid === session) {
      leader.foregroundAtHangUp = foreground;
      sendToGroup(leader, kernelSignal(SIG.HUP));
      sendToGroup(leader, kernelSignal(SIG.CONT));
    }
  }
  terminal.hangUpSlaves();
}

function release(tasks: TaskSet, group: ThreadGroup, terminal: Terminal): void {
  terminal.session = undefined;
  terminal.foreground = undefined;
  forgetIn(tasks, group.sid, terminal);
}

function forgetIn(tasks: TaskSet, session: number, terminal: Terminal): void {
  for (const group of tasks.groups()) {
    if (group.sid === session && group.terminal === terminal) group.terminal = undefined;
  }
}
