/** Something about a named sandbox that its user can do something about; the message is one line. */
export type ControlErrorCode =
  /** The name is not one, or the directory is not this user's alone. */
  | 'EINVAL'
  | 'EPERM'
  /** A sandbox with this name runs. */
  | 'EEXIST'
  /** None does. */
  | 'ENOENT'
  /** It went away, or said nonsense. */
  | 'EPROTO';

export class ControlError extends Error {
  override readonly name = 'ControlError';
  constructor(
    readonly code: ControlErrorCode | (string & {}),
    message: string,
  ) {
    super(message);
  }
}
