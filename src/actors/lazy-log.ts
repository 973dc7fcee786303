/**
 * Pino loggers, loaded when there is something to say: loading pino costs more than starting most guests.
 * One child logger an actor; lines go to stderr at once, in order.
 */
import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import { type Log, type LogBindings, noLine, severityOf } from '../base/log.js';

const load = createRequire(import.meta.url);

type Line = (fields: object, message?: string) => void;
type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export function lazyLog(level: string, actor: string): Log {
  let root: Logger | undefined;
  const newRoot = (): Logger => {
    const { pino } = load('pino') as typeof import('pino');
    return pino({ level, base: null }, pino.destination({ fd: 2, sync: true }));
  };
  return childOf(
    () => {
      root ??= newRoot();
      return root;
    },
    level,
    { actor },
  );
}

function childOf(root: () => Logger, level: string, bindings: LogBindings): Log {
  let logger: Logger | undefined;
  const severity = severityOf(level);
  const at = (method: Level): Line => {
    if (severityOf(method) < severity) return noLine;
    return (fields, message) => {
      logger ??= root().child(bindings);
      logger[method](fields, message);
    };
  };
  return {
    level,
    severity,
    child: (others) => childOf(root, level, others),
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
