// Signal names as users write them: TERM, SIGTERM, 15.
import { constants } from 'node:os';
import { ContainerError } from '@tscontainer/core/errors';

const highestSignal = 64;
const firstRealtime = 34;

/** The number. Throws invalid-argument. */
export function parseSignal(text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= highestSignal) return number;
  }
  const name = text.toUpperCase().replace(/^(SIG)?/, 'SIG');
  const known = (constants.signals as Record<string, number>)[name];
  if (known !== undefined) return known;
  const realtime = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realtime !== null) {
    const base = realtime[1] === 'MIN' ? firstRealtime : highestSignal;
    const number = base + (realtime[2] === '-' ? -1 : 1) * Number(realtime[3] ?? 0);
    if (number >= firstRealtime && number <= highestSignal) return number;
  }
  throw new ContainerError('invalid-argument', `invalid signal: ${text}`);
}
