/** Control messages at the system-call border: descriptors and credentials that are sent and received. */
import { E } from '../../abi/errno.js';
import { O_PATH } from '../../abi/open.js';
import { MSG_CMSG_CLOEXEC, SO_PASSCRED } from '../../abi/socket.js';
import { userAddr } from '../../base/brand.js';
import { CAP, has } from '../auth/credentials.js';
import type { FileDescription } from '../fs/file-description.js';
import { ControlWriter, parseControl, type SentControl } from '../net/control-messages.js';
import type { Incoming, Sender, Socket } from '../net/socket.js';
import { SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';
import { newDescriptor } from './new-descriptor.js';

/** Longest control buffer: net.core.optmem_max. */
const OPTMEM_MAX = 131_072;

export function readControl(task: Task, at: number, length: number): SentControl {
  if (at === 0 || length === 0) return { fds: [], claims: undefined, others: [] };
  if (length > OPTMEM_MAX) throw new SyscallError(E.ENOBUFS);
  return parseControl(task.memory.readBytes(userAddr(at), length));
}

/** References to the descriptors that are sent. */
export function openRights(task: Task, control: SentControl): FileDescription[] {
  const files = control.fds.map((n) => {
    const file = task.files.get(n);
    if (!file || (file.flags & O_PATH) !== 0) throw new SyscallError(E.EBADF);
    return file;
  });
  return files.map((file) => file.retain());
}

/** A sender may only claim to be itself, unless it has the capabilities to be another. */
export function claimedSender(task: Task, { claims }: SentControl): Sender {
  const { creds } = task;
  const own: Sender = { pid: task.group.pid, creds };
  if (!claims) return own;
  const uidOk = [creds.uid, creds.euid, creds.suid].includes(claims.uid) || has(creds, CAP.SETUID);
  const gidOk = [creds.gid, creds.egid, creds.sgid].includes(claims.gid) || has(creds, CAP.SETGID);
  const pidOk = claims.pid === own.pid || has(creds, CAP.SYS_ADMIN);
  if (!uidOk || !gidOk || !pidOk) throw new SyscallError(E.EPERM);
  return { pid: claims.pid, creds: { ...creds, uid: claims.uid, gid: claims.gid } };
}

/** Installs what came along and says so in the receiver's control buffer. */
export function writeControl(
  task: Task,
  socket: Socket,
  header: { control: number; controllen: number },
  taken: Incoming | undefined,
  messageFlags: number,
): ControlWriter {
  const writer = new ControlWriter(header.control === 0 ? 0 : Math.min(header.controllen, OPTMEM_MAX));
  for (const item of taken?.control ?? []) writer.add(item.level, item.type, item.body);
  if (taken?.sender && socket.options.isOn(SO_PASSCRED)) {
    const { pid, creds } = taken.sender;
    writer.addCredentials({ pid, uid: creds.uid, gid: creds.gid });
  }
  installRights(task, writer, taken?.rights ?? [], messageFlags);
  task.memory.write(userAddr(header.control), writer.bytes);
  return writer;
}

function installRights(
  task: Task,
  writer: ControlWriter,
  rights: readonly FileDescription[],
  messageFlags: number,
): void {
  if (rights.length === 0) return;
  const room = writer.roomForFds;
  const closeOnExec = (messageFlags & MSG_CMSG_CLOEXEC) !== 0;
  const installed: number[] = [];
  for (const file of rights) {
    const fits = installed.length < room;
    const n = fits ? newDescriptor(task, file, { closeOnExec }) : undefined;
    if (typeof n === 'number') installed.push(n);
    else writer.truncated = true;
    if (!fits) file.release();
  }
  if (installed.length > 0) writer.addFds(installed);
}
