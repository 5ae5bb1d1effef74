// How a command ends otherwise than well: usage errors, failures with their own exit code, and what several objects gave.

/** A flag that is unknown, lacks its value or has a bad one: printed with "See '... --help'.", exit 125. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

/** A wrong number of arguments: printed with the command's usage, exit 1. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
}

/** Ends the command with `exitCode`; an empty message prints nothing (all was said already). */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
