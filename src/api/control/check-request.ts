/** Whether what came by a control socket is a request: schemas of messages/control.ts. */
import * as v from 'valibot';
import type { ControlRequest, ExecInput } from '../../messages/control.js';
import { absolute, checkOptions, count, eventFilter, id, nonEmpty, text, windowSide } from '../../options.js';

const signo = count(0, 64);
const window = { columns: windowSide, rows: windowSide };

const request = (): v.GenericSchema<unknown, ControlRequest> =>
  v.variant('type', [
    v.strictObject({ type: v.picklist(['info', 'tasks', 'pause', 'resume', 'wait']) }),
    v.strictObject({ type: v.literal('kill'), status: count(0, 255) }),
    v.strictObject({ type: v.literal('signal'), signo, pid: v.optional(count(1, 2 ** 22)) }),
    v.strictObject({
      type: v.literal('save'),
      path: absolute,
      compress: v.boolean(),
      stop: v.boolean(),
      progress: v.boolean(),
    }),
    v.strictObject({ type: v.literal('events'), filter: eventFilter }),
    v.strictObject({
      type: v.literal('exec'),
      command: nonEmpty,
      args: v.array(text),
      env: v.record(text, text),
      cwd: v.optional(text),
      user: v.optional(v.strictObject({ uid: id, gid: id })),
      terminal: v.optional(v.strictObject(window)),
    }),
  ]) as v.GenericSchema<unknown, ControlRequest>;

const execInput = (): v.GenericSchema<unknown, ExecInput> =>
  v.variant('type', [
    v.strictObject({ type: v.literal('stdin'), data: v.pipe(v.string(), v.base64()) }),
    v.strictObject({ type: v.literal('stdinEnd') }),
    v.strictObject({ type: v.literal('resize'), ...window }),
    v.strictObject({ type: v.literal('signal'), signo }),
  ]);

/** Throws OptionsError. */
export function checkRequest(value: unknown): ControlRequest {
  return checkOptions(request(), value);
}

export function checkExecInput(value: unknown): ExecInput {
  return checkOptions(execInput(), value);
}
