// What talking to the daemon can end in: its own error answers, and no daemon at all. main.ts prints them as docker does.

/** An answer with status >= 400: `message` is what is printed. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly status: number;
  /** The daemon's own words, without "Error response from daemon: ". */
  readonly detail: string;

  constructor(status: number, detail: string, message = `Error response from daemon: ${detail}`) {
    super(message);
    this.status = status;
    this.detail = detail;
  }
}

/** Nothing listens there. */
export class NoDaemonError extends Error {
  override readonly name = 'NoDaemonError';
}

export function isMissing(error: unknown): boolean {
  return error instanceof EngineError && error.status === 404;
}

/** Docker's words for an object that some calls name themselves: `Error: No such container: x`. */
export function missingObject(kind: string, name: string, error: unknown): unknown {
  return isMissing(error)
    ? new EngineError(404, (error as EngineError).detail, `Error: No such ${kind}: ${name}`)
    : error;
}
