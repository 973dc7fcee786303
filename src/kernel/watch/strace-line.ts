/** Events as lines of strace(1) -f: system calls, signals, ends of tasks. */
import { signalName } from '../../abi/signal.js';
import { statusCode, statusExited, statusSignal } from '../../abi/wait.js';
import type { KernelEvent } from '../../messages/events.js';

/** What strace would print; undefined for events that it does not show. */
export function straceLine(event: KernelEvent): string | undefined {
  switch (event.type) {
    case 'syscall':
      return `[${event.tid}] ${event.name}(${event.args.join(', ')}) = ${event.resultText}`;
    case 'signalDelivered':
      return `[${event.tid}] --- ${event.signal} ${event.infoText} ---`;
    case 'taskExit':
      return `[${event.tid}] +++ ${endText(event.exitStatus)} +++`;
    case 'dropped':
      return `(${event.count} events were dropped)`;
    default:
      return undefined;
  }
}

function endText(status: number): string {
  return statusExited(status)
    ? `exited with ${statusCode(status)}`
    : `killed by ${signalName(statusSignal(status))}`;
}
