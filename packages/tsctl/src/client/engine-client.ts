// tsctl's connection to the daemon: the client package's, with the command's trace and docker's words for what goes wrong.

import { traceparentHeader } from '@tscontainer/platform/trace';
import { Connection, type ConnectionOptions } from '@tsctl/client/connection';
import { EngineError, NoDaemonError } from './engine-error.ts';

export { clientApiVersion } from '@tsctl/client/api-version';
export type { HijackedStream } from '@tsctl/client/connection';

export interface ClientOptions extends ConnectionOptions {
  traceparent: string;
}

const noDaemonCodes = ['ENOENT', 'ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTSOCK', 'ETIMEDOUT'];

/** Rejects EngineError and NoDaemonError, whose messages are what is printed. */
export class EngineClient extends Connection {
  constructor({ traceparent, headers, ...options }: ClientOptions) {
    super({ ...options, headers: { [traceparentHeader]: traceparent, ...headers } });
  }

  protected override engineError(message: string, status: number): Error {
    return new EngineError(status, message);
  }

  protected override connectionError(error: Error): Error {
    const { url } = this.endpoint;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EACCES')
      return new NoDaemonError(`permission denied while trying to connect to the tscontainer daemon socket at ${url}`);
    if (noDaemonCodes.includes(code))
      return new NoDaemonError(`Cannot connect to the tscontainer daemon at ${url}. Is the daemon running?`);
    if (error.name === 'AbortError') return error;
    return new NoDaemonError(`error during connect to the tscontainer daemon at ${url}: ${error.message}`);
  }
}
