// How a build fails: the user's own mistakes, and the exit code of a RUN, which travels in `errorDetail.code`.
import { ContainerError } from '@tscontainer/core/errors';

/** What the Dockerfile, the request or the context is at fault for. */
export function buildFailure(message: string, cause?: unknown): ContainerError {
  return new ContainerError('invalid-argument', message, { reason: 'bad-build', cause });
}

/** A command that ended otherwise than with 0. */
export class CommandFailedError extends Error {
  override readonly name = 'CommandFailedError';
  readonly exitCode: number;

  constructor(command: readonly string[], exitCode: number, detail = '') {
    super(
      `The command '${command.join(' ')}' returned a non-zero code: ${exitCode}${detail === '' ? '' : `: ${detail}`}`,
    );
    this.exitCode = exitCode;
  }
}

/** Docker's JSON of an error within the stream. */
export function errorLine(error: unknown): object {
  const message = error instanceof Error ? error.message : String(error);
  const detail = error instanceof CommandFailedError ? { code: error.exitCode, message } : { message };
  return { errorDetail: detail, error: message };
}
