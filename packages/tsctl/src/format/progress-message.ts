// One line of a pull's or load's progress stream, and its text as docker shows it.
import { formatSize } from './sizes.ts';

export interface ProgressMessage {
  stream?: string;
  status?: string;
  id?: string;
  progress?: string;
  progressDetail?: { current?: number; total?: number; units?: string; hidecounts?: boolean };
  error?: string;
  errorDetail?: { code?: number; message?: string };
  aux?: unknown;
}

const barWidth = 50;

/** `Downloading [=====>    ]  1.2MB/3.4MB`, the bar only where there is room for it. */
export function progressText(message: ProgressMessage, columns: number): string {
  const { current = 0, total = 0 } = message.progressDetail ?? {};
  const status = message.status ?? '';
  if (current <= 0 && total <= 0) return message.progress ? `${status} ${message.progress}` : status;
  const counts =
    total > 0 ? `${formatSize(current).padStart(7)}/${formatSize(total)}` : formatSize(current).padStart(8);
  const bar = total > 0 && columns > 110 ? `[${barOf(current / total)}]  ` : '';
  return `${status} ${bar}${counts}`;
}

function barOf(share: number): string {
  const filled = Math.min(barWidth, Math.max(0, Math.floor(share * barWidth)));
  return filled >= barWidth ? `${'='.repeat(barWidth)}>` : `${'='.repeat(filled)}>${' '.repeat(barWidth - filled)}`;
}
