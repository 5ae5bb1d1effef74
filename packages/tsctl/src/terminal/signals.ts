// Signals sent to tsctl: passed on to the container (sig-proxy), or ending the command with the terminal restored.
import { constants } from 'node:os';
import type { EngineClient } from '../client/engine-client.ts';
import { EngineError } from '../client/engine-error.ts';
import { restoreTerminal } from './raw-mode.ts';

/** Not passed on: what cannot be caught, what the runtime uses for itself, and what tells of our own terminal or children. */
const kept = new Set([
  'SIGKILL',
  'SIGSTOP',
  'SIGCHLD',
  'SIGPIPE',
  'SIGURG',
  'SIGPROF',
  'SIGSEGV',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGIOT',
  'SIGSTKFLT',
  'SIGPOLL',
  'SIGSYS',
  'SIGTTIN',
  'SIGTTOU',
  'SIGTSTP',
  'SIGVTALRM',
  'SIGWINCH',
]);
/** So many SIGINTs or SIGTERMs end tsctl itself when the container will not end. */
const maxForwardedEndings = 3;

const forwarded = (Object.keys(constants.signals) as NodeJS.Signals[]).filter((name) => !kept.has(name));

/** Passes signals on to a container until the returned function is called. */
export function forwardSignals(client: EngineClient, id: () => string | undefined): () => void {
  let endings = 0;
  const listeners = forwarded.map((name) => {
    const listener = () => {
      endings += name === 'SIGINT' || name === 'SIGTERM' ? 1 : 0;
      const container = id();
      if (container === undefined || endings >= maxForwardedEndings) return endWith(name);
      const query = { signal: name.slice(3) };
      client.status('POST', `/containers/${container}/kill`, { query }).catch(reportUnlessEnded);
    };
    process.on(name, listener);
    return () => void process.off(name, listener);
  });
  return () => {
    for (const stop of listeners) stop();
  };
}

function reportUnlessEnded(error: unknown): void {
  if (error instanceof EngineError && (error.status === 404 || error.status === 409)) return;
  process.stderr.write(`Error sending signal: ${(error as Error).message}\n`);
}

/** SIGINT, SIGTERM and SIGHUP end the command at once, exit code 128 + number, while a raw terminal is in use. */
export function endOnSignals(): () => void {
  const listeners = (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const).map((name) => {
    const listener = () => endWith(name);
    process.on(name, listener);
    return () => void process.off(name, listener);
  });
  return () => {
    for (const stop of listeners) stop();
  };
}

function endWith(name: NodeJS.Signals): void {
  restoreTerminal();
  process.exit(128 + constants.signals[name]);
}
