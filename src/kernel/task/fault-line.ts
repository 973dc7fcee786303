/**
 * The line in the kernel's log about a fault that nobody handles, as arch/x86/mm/fault.c writes it
 * (show_signal_msg): where, on what, in which file.
 */
import { SIG, SIG_DFL } from '../../abi/signal.js';
import { pathName } from '../fs/path-name.js';
import { KERN_EMERG, KERN_INFO, syslogOf } from '../syslog.js';
import type { Task } from './task.js';

export function logFault(task: Task): void {
  const { context, group, tid, comm, mm, kernel } = task;
  const { signo, addr, error } = context.trap;
  if (signo !== SIG.SEGV || task.tracee || group.actions.get(signo).handler !== SIG_DFL) return;
  const pc = context.getPc();
  const hex = (n: number): string => n.toString(16);
  const vma = mm.vmas.find(pc);
  const place = vma?.file?.path;
  const name = place ? pathName(place, task.fs.root).replace(/^.*\//, '') : '';
  const where = vma && name !== '' ? ` in ${name}[${hex(vma.start)}+${hex(vma.end - vma.start)}]` : '';
  syslogOf(kernel).write(
    group.unkillable ? KERN_EMERG : KERN_INFO,
    `${comm}[${tid}]: segfault at ${hex(addr)} ip ${hex(pc)} sp ${hex(context.getSp())} error ${hex(error)}${where}`,
  );
}
