// The logger of every daemon: pino to stderr, one JSON object a line, each with the trace id of the call it serves.
import pino from 'pino';
import { currentTrace } from './trace.ts';

export type Logger = pino.Logger;

export interface LoggerOptions {
  /** The daemon's command name. */
  name: string;
  level: string;
  /** File descriptor written to; 2 when absent. */
  fd?: number;
}

export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      name: options.name,
      level: options.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => {
        const trace = currentTrace();
        return trace === undefined ? {} : { traceId: trace.traceId, spanId: trace.spanId };
      },
    },
    pino.destination({ fd: options.fd ?? 2, sync: true }),
  );
}
