// Shows a progress stream: one moving line per layer on a terminal, plain lines elsewhere. pull and load call it.

import { CommandFailure } from '../cli/failures.ts';
import type { Output } from '../cli/output.ts';
import { type ProgressMessage, progressText } from './progress-message.ts';

/** Consumes the stream; throws CommandFailure for the error it may end with, with a RUN's exit code. Shows nothing without `out`. */
export async function showProgress(
  messages: AsyncIterable<ProgressMessage>,
  out: Output | undefined,
  onAux?: (aux: unknown) => void,
): Promise<void> {
  const show = out === undefined ? () => undefined : out.isTerminal ? terminalLines(out) : plainLines(out);
  for await (const message of messages) {
    const failure = message.errorDetail?.message ?? message.error;
    if (failure !== undefined && failure !== '') throw new CommandFailure(failure, message.errorDetail?.code || 1);
    if (message.aux !== undefined) onAux?.(message.aux);
    else show(message);
  }
}

/** Updates of a running transfer are left out: only changes of status are lines. */
function plainLines(out: Output): (message: ProgressMessage) => void {
  return (message) => {
    if (message.stream !== undefined) return out.write(message.stream);
    if (message.progressDetail?.current !== undefined || message.progress) return;
    out.line(message.id ? `${message.id}: ${message.status ?? ''}` : (message.status ?? ''));
  };
}

/** Each id owns a line; the cursor goes up to it and back down. */
function terminalLines(out: Output): (message: ProgressMessage) => void {
  const rows = new Map<string, number>();
  return (message) => {
    if (message.stream !== undefined) return out.write(message.stream);
    const id = message.id ?? '';
    if (id === '' || message.progressDetail === undefined) {
      out.line(id === '' ? (message.status ?? '') : `${id}: ${message.status ?? ''}`);
      // lines above stay as they are from here on
      if (rows.size > 0) rows.clear();
      return;
    }
    const text = `${id}: ${progressText(message, out.columns)}`;
    const row = rows.get(id);
    if (row === undefined) {
      rows.set(id, rows.size);
      out.line(text);
      return;
    }
    const up = rows.size - row;
    out.write(`\x1b[${up}A\x1b[2K\r${text}\r\x1b[${up}B`);
  };
}
