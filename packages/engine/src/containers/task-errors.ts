// What a failed start means to a user: docker's wording and exit code, whether our runtime said it or a foreign one.
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

export interface StartFailure {
  error: ContainerError;
  /** 127: no such command; 126: it cannot be run; 128: anything else. */
  exitCode: number;
}

/** runc's words for the command itself, e.g. `exec: "foo": executable file not found in $PATH`. */
const execPattern = /exec: "?[^"]*"?: .*$/s;

function commandText(command: string, message: string, fallback: string): string {
  const found = execPattern
    .exec(message)?.[0]
    ?.replace(/(: unknown)+$/, '')
    // our runtime adds the errno, which docker's users and scripts do not expect there
    .replace(/: E[A-Z0-9]+ \([^)]*\)$/, '');
  return found ?? `exec: ${JSON.stringify(command)}: ${fallback}`;
}

function isNotFound(error: unknown, message: string): boolean {
  if (error instanceof ContainerError && error.reason !== undefined) return error.reason === 'executable-not-found';
  return /executable file not found|exec: .*no such file or directory|executable-not-found/.test(message);
}

function isNotExecutable(error: unknown, message: string): boolean {
  if (error instanceof ContainerError && error.reason !== undefined) return error.reason === 'not-executable';
  return /exec: .*(permission denied|is a directory|exec format error)|not-executable/.test(message);
}

const untried = new Set(['network-setup-failed']);
const untriedWords =
  /^(No such container: |joining network namespace |failed to join \w+ namespace|cannot join network namespace |could not select device driver )/;

/** `operation`: `failed to create task for container` or `OCI runtime exec failed`. */
export function startFailure(operation: string, command: string, error: unknown): StartFailure {
  const message = errorMessageOf(error);
  // no task was tried: networks, mounts and neighbours say for themselves what is wrong
  if (error instanceof ContainerError && (untried.has(error.reason ?? '') || untriedWords.test(message)))
    return { exitCode: 128, error };
  if (isNotFound(error, message)) {
    const text = commandText(
      command,
      message,
      command.includes('/') ? `stat ${command}: no such file or directory` : 'executable file not found in $PATH',
    );
    return {
      exitCode: 127,
      error: new ContainerError('invalid-argument', `${operation}: ${text}`, {
        reason: 'executable-not-found',
        cause: error,
      }),
    };
  }
  if (isNotExecutable(error, message)) {
    const text = commandText(command, message, 'permission denied');
    return {
      exitCode: 126,
      error: new ContainerError('invalid-argument', `${operation}: ${text}`, {
        reason: 'not-executable',
        cause: error,
      }),
    };
  }
  const code = error instanceof ContainerError ? error.code : 'internal';
  return {
    exitCode: 128,
    error: new ContainerError(code === 'not-found' ? 'internal' : code, `${operation}: ${message}`, { cause: error }),
  };
}

/** Our runtime's words for a working directory that is not there. */
const missingDirectory = /change directory (\/.*?): ENOENT/;

/** The same for an exec, where a working directory may be what is missing. */
export function execFailure(command: string, error: unknown): StartFailure {
  const directory = missingDirectory.exec(errorMessageOf(error))?.[1];
  if (directory !== undefined) {
    const message = `OCI runtime exec failed: exec failed: unable to start container process: chdir to cwd (${JSON.stringify(directory)}) set in config.json failed: no such file or directory`;
    return { error: new ContainerError('invalid-argument', message, { cause: error }), exitCode: 127 };
  }
  return startFailure('OCI runtime exec failed', command, error);
}
