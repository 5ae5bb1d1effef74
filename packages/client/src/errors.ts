// What a call of the engine can end in. Every failure of this package is one of these, or an AbortError of the caller's own.

/** The engine refused, or failed on the way. `message` are its own words. */
export class EngineError extends Error {
  override readonly name: string = 'EngineError';
  /** The HTTP status; undefined when the failure came within a stream that had begun. */
  readonly status: number | undefined;
  /** What was asked, as `POST /containers/create`. */
  readonly call: string;

  constructor(message: string, details: { status?: number | undefined; call: string; cause?: unknown }) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.status = details.status;
    this.call = details.call;
  }
}

/** Nothing answers at the address, or the connection broke; `cause` has the system's error. */
export class ConnectionError extends Error {
  override readonly name: string = 'ConnectionError';
}

/** What came is not of the form that the API promises, or ended too early. */
export class ProtocolError extends Error {
  override readonly name: string = 'ProtocolError';
}

export function isNotFound(error: unknown): boolean {
  return error instanceof EngineError && error.status === 404;
}
