/**
 * Where the control sockets of a user's sandboxes are: `troupe` in $XDG_RUNTIME_DIR, else in the
 * directory for temporary files, by user. Nobody else may look into it: who reaches a socket may do
 * everything to the sandbox.
 */
import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ControlError } from './control-error.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
const SUFFIX = '.sock';
const OTHERS = 0o077;
/** sun_path, with its NUL. */
const MAX_SOCKET_PATH = 107;

export function checkName(name: string): void {
  if (!NAME.test(name)) {
    throw new ControlError('EINVAL', `"${name}" is no name; write up to 63 letters, digits, dots, - or _`);
  }
}

/** Made when it is not there. Throws EPERM when it is not this user's alone. */
export function runDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const uid = process.getuid?.() ?? 0;
  const runtime = env['XDG_RUNTIME_DIR'];
  const path = runtime ? join(runtime, 'troupe') : join(tmpdir(), `troupe-${uid}`);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  // Not followed: a link put there by somebody else would lead anywhere.
  const stat = lstatSync(path);
  if (!stat.isDirectory() || stat.uid !== uid || (stat.mode & OTHERS) !== 0) {
    throw new ControlError(
      'EPERM',
      `${path} must be a directory that only its owner, user ${uid}, may enter`,
    );
  }
  return path;
}

export function socketPath(directory: string, name: string): string {
  checkName(name);
  const path = join(directory, `${name}${SUFFIX}`);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw new ControlError('EINVAL', `${path} is too long for a socket; choose a shorter name`);
  }
  return path;
}

/** Names that have a socket, alive or not, in order. */
export function sandboxNames(directory: string): string[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith(SUFFIX) && !file.startsWith('.'))
    .map((file) => file.slice(0, -SUFFIX.length))
    .sort();
}
