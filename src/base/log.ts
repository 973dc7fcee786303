/** What troupe wants of a logger: pino's, made when there is something to say (actors/lazy-log.ts). */
export interface Log {
  readonly level: string;
  /** That of the least severe lines that are written; a place in LOG_LEVELS. */
  readonly severity: number;
  /** For another actor; `bindings` stand in each of its lines. Nothing is made before it writes one. */
  child(bindings: LogBindings): Log;
  trace(fields: object, message?: string): void;
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

/** Who speaks. */
export interface LogBindings {
  readonly actor: string;
  readonly [name: string]: string | number;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How severe lines of a level are: what is below that of the log is not written. */
export function severityOf(level: string): number {
  const names: readonly string[] = LOG_LEVELS;
  return names.indexOf(level);
}

const DEBUG = severityOf('debug');
const TRACE = severityOf('trace');

/** Whether lines at this level are written: asked before fields are put together that cost something. */
export const writesDebug = (log: Log): boolean => log.severity <= DEBUG;
export const writesTrace = (log: Log): boolean => log.severity <= TRACE;

export const noLine = (): void => {};

export const silentLog: Log = {
  level: 'silent',
  severity: severityOf('silent'),
  child: () => silentLog,
  trace: noLine,
  debug: noLine,
  info: noLine,
  warn: noLine,
  error: noLine,
};
