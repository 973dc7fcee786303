/**
 * A pino logger, loaded when there is something to say: loading pino costs more than starting most
 * guests. One child logger an actor; lines go to stderr at once, in order.
 */
import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import type { Log } from '../base/log.js';

const load = createRequire(import.meta.url);

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';
const SEVERITY: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export function lazyLog(level: string, actor: string): Log {
  let logger: Logger | undefined;
  const pino = (): Logger => {
    if (!logger) {
      const create = load('pino') as typeof import('pino').pino;
      const destination = create.destination({ fd: 2, sync: true });
      logger = create({ level, base: null }, destination).child({ actor });
    }
    return logger;
  };
  const threshold = SEVERITY.indexOf(level);
  const at =
    (method: Level) =>
    (fields: object, message?: string): void => {
      if (SEVERITY.indexOf(method) >= threshold) pino()[method](fields, message);
    };
  return {
    level,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
