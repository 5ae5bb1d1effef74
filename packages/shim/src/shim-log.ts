// The shim's log: JSON lines in the daemons' form, without pino, whose 4 MiB every shim would hold for a few lines.
import { writeSync } from 'node:fs';
import { currentTrace } from '@tscontainer/platform/trace';

const levels = { debug: 20, info: 30, warn: 40, error: 50 } as const;

/** The daemons' further levels: an error is the worst that we tell. */
const thresholds: Record<string, number> = {
  ...levels,
  trace: 0,
  fatal: levels.error + 1,
  panic: levels.error + 1,
  silent: levels.error + 1,
};

export type LogLevel = keyof typeof levels;

export class ShimLog {
  readonly #threshold: number;
  readonly #fd: number;

  constructor(level: string, fd = 2) {
    this.#threshold = thresholds[level] ?? levels.info;
    this.#fd = fd;
  }

  /** So that costly fields are built only when they are written. */
  isEnabled(level: LogLevel): boolean {
    return levels[level] >= this.#threshold;
  }

  debug(fields: object, message: string): void {
    this.#write('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#write('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#write('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#write('error', fields, message);
  }

  #write(level: LogLevel, fields: object, message: string): void {
    if (!this.isEnabled(level)) return;
    const trace = currentTrace();
    const ids = trace === undefined ? {} : { traceId: trace.traceId, spanId: trace.spanId };
    const time = new Date().toISOString();
    const line = { level, time, pid: process.pid, name: 'containerd-shim-ts-v2', ...ids, ...fields, msg: message };
    try {
      writeSync(this.#fd, `${JSON.stringify(line)}\n`);
    } catch {
      // the daemon that read the log is gone or behind (EPIPE, EAGAIN): containers matter more than the line
    }
  }
}
