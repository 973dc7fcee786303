/** syslog(2), what dmesg(1) reads; kernel/printk/printk.c (do_syslog). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import type { UserAddr } from '../../base/brand.js';
import { bytesOf } from '../../base/bytes.js';
import { CAP, has } from '../auth/credentials.js';
import { type Blocking, fail, type Outcome, RESTART_IF_SA_RESTART, type Result } from '../outcome.js';
import { syslogOf } from '../syslog.js';
import type { Task } from '../task/task.js';
import { block, IN, WOULD_BLOCK } from '../wait.js';
import { choice, int, outBuffer } from './codecs.js';
import { arg, syscall } from './declare.js';

const ACTION = {
  SYSLOG_ACTION_CLOSE: 0,
  SYSLOG_ACTION_OPEN: 1,
  SYSLOG_ACTION_READ: 2,
  SYSLOG_ACTION_READ_ALL: 3,
  SYSLOG_ACTION_READ_CLEAR: 4,
  SYSLOG_ACTION_CLEAR: 5,
  SYSLOG_ACTION_CONSOLE_OFF: 6,
  SYSLOG_ACTION_CONSOLE_ON: 7,
  SYSLOG_ACTION_CONSOLE_LEVEL: 8,
  SYSLOG_ACTION_SIZE_UNREAD: 9,
  SYSLOG_ACTION_SIZE_BUFFER: 10,
} as const;

const LEAST_CONSOLE_LEVEL = 1;
const MOST_CONSOLE_LEVEL = 8;

export const syslogCalls = [
  syscall(
    NR.syslog,
    'syslog',
    [arg('type', choice(ACTION)), arg('bufp', outBuffer('len')), arg('len', int)],
    { support: 'partial', note: 'there is no console: its level is kept, without effect' },
    syslog,
  ),
];

function syslog(task: Task, type: number, at: UserAddr, length: number): Result {
  if (!isForEverybody(type) && !has(task.creds, CAP.SYSLOG)) return fail(E.EPERM);
  const log = syslogOf(task.kernel);
  switch (type) {
    case ACTION.SYSLOG_ACTION_CLOSE:
    case ACTION.SYSLOG_ACTION_OPEN:
    case ACTION.SYSLOG_ACTION_CONSOLE_OFF:
    case ACTION.SYSLOG_ACTION_CONSOLE_ON:
      return 0;
    case ACTION.SYSLOG_ACTION_READ:
      if (at === 0 || length < 0) return fail(E.EINVAL);
      return length === 0 ? 0 : readOrWait(task, at, length);
    case ACTION.SYSLOG_ACTION_READ_ALL:
    case ACTION.SYSLOG_ACTION_READ_CLEAR: {
      if (at === 0 || length < 0) return fail(E.EINVAL);
      const written = put(task, at, log.tail(length));
      if (type === ACTION.SYSLOG_ACTION_READ_CLEAR) log.clear();
      return written;
    }
    case ACTION.SYSLOG_ACTION_CLEAR:
      log.clear();
      return 0;
    case ACTION.SYSLOG_ACTION_CONSOLE_LEVEL:
      if (length < LEAST_CONSOLE_LEVEL || length > MOST_CONSOLE_LEVEL) return fail(E.EINVAL);
      log.consoleLevel = length;
      return 0;
    case ACTION.SYSLOG_ACTION_SIZE_UNREAD:
      return log.unread;
    case ACTION.SYSLOG_ACTION_SIZE_BUFFER:
      return log.bufferSize;
    default:
      return fail(E.EINVAL);
  }
}

/** As with kernel.dmesg_restrict=0. */
function isForEverybody(type: number): boolean {
  return type === ACTION.SYSLOG_ACTION_READ_ALL || type === ACTION.SYSLOG_ACTION_SIZE_BUFFER;
}

function* readOrWait(task: Task, at: UserAddr, length: number): Blocking<Outcome> {
  const log = syslogOf(task.kernel);
  const text = yield* block(log.queue, IN, () => log.read(length) || WOULD_BLOCK);
  return text === 'interrupted' || text === 'timedOut' ? RESTART_IF_SA_RESTART : put(task, at, text);
}

function put(task: Task, at: UserAddr, text: string): number {
  if (text !== '') task.memory.write(at, bytesOf(text));
  return text.length;
}
