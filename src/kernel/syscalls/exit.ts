/** exit(2), exit_group(2). */
import { NR } from '../../abi/numbers.js';
import { exitedStatus } from '../../abi/wait.js';
import { ENTER_EXIT, ENTER_EXIT_GROUP } from '../outcome.js';
import { startGroupExit } from '../task/group-exit.js';
import { int } from './codecs.js';
import { arg, syscall } from './declare.js';

export const exitCalls = [
  syscall(
    NR.exit,
    'exit',
    [arg('status', int)],
    { classes: ['process'], returns: 'none' },
    (task, status) => {
      task.exitStatus = exitedStatus(status);
      return ENTER_EXIT;
    },
  ),
  syscall(
    NR.exit_group,
    'exit_group',
    [arg('status', int)],
    { classes: ['process'], returns: 'none' },
    (task, status) => {
      startGroupExit(task.group, exitedStatus(status));
      return ENTER_EXIT_GROUP;
    },
  ),
];
