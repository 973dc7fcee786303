/** "#!" scripts, execve(2). Linux: fs/binfmt_script.c. */
import { E } from '../../abi/errno.js';
import { latin1 } from '../../base/bytes.js';
import { type Failure, fail } from '../outcome.js';

/** BINPRM_BUF_SIZE: the line is looked for in so many bytes of the file. */
export const SCRIPT_HEAD = 256;

export interface Script {
  readonly interpreter: string;
  /** Everything after the interpreter, as one argument. */
  readonly argument: string | undefined;
}

export function isScript(head: Uint8Array): boolean {
  return head[0] === 0x23 && head[1] === 0x21;
}

/** The first line of a file that begins with "#!"; `head` is its first bytes, all it has or SCRIPT_HEAD. */
export function parseScript(head: Uint8Array): Script | Failure {
  // A shorter file is followed by zeros, in Linux's buffer as here.
  const text = latin1(head.subarray(0, SCRIPT_HEAD)).padEnd(SCRIPT_HEAD, '\0');
  const newline = text.indexOf('\n');
  let line: string;
  if (newline >= 0) {
    line = text.slice(2, newline);
  } else {
    // The last byte is not looked at. Unless something ends the interpreter's name, it may be cut off.
    line = text.slice(2, SCRIPT_HEAD - 1);
    const start = line.search(/[^ \t]/);
    if (start < 0 || !/[ \t\0]/.test(line.slice(start))) return fail(E.ENOEXEC);
  }
  line = line.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '');
  const end = line.search(/[ \t\0]/);
  const interpreter = end < 0 ? line : line.slice(0, end);
  if (interpreter === '') return fail(E.ENOEXEC);
  if (end < 0 || line[end] === '\0') return { interpreter, argument: undefined };
  return { interpreter, argument: cString(line.slice(end).replace(/^[ \t]+/, '')) };
}

function cString(text: string): string {
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}
