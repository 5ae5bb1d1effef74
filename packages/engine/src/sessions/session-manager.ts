// Owns the sessions: POST /session opens them, a builder finds them by the id that its client has sent with the build.
import type { Socket } from 'node:net';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';
import { Session, type SessionIntroduction } from './session.ts';
import { defaultHealthBounds, type HealthBounds, watchHealth } from './session-health.ts';

/** Story: `open` with each connection, `find` and calls in between; a session is gone when its connection is. `close` ends all. */
export class SessionManager {
  readonly #sessions = new Map<string, Session>();
  readonly #waiting = new Map<string, Set<(session: Session) => void>>();
  readonly #log: Logger;
  readonly #bounds: HealthBounds;

  constructor(log: Logger, bounds: HealthBounds = defaultHealthBounds) {
    this.#log = log;
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Throws invalid-argument, as docker does, when there is one of that id. */
  checkFree(id: string): void {
    if (this.#sessions.has(id)) throw new ContainerError('invalid-argument', `session ${id} already exists`);
  }

  /** From now on the connection is the session's. */
  open(introduction: SessionIntroduction, socket: Socket): Session {
    this.checkFree(introduction.id);
    const session = new Session(introduction, socket);
    const { id, name } = session;
    this.#sessions.set(id, session);
    session.signal.addEventListener('abort', () => {
      this.#sessions.delete(id);
      this.#log.debug({ session: id, why: errorMessageOf(session.signal.reason) }, 'session is over');
    });
    this.#log.debug({ session: id, name, methods: introduction.methods }, 'session');
    void watchHealth(session, this.#bounds);
    for (const take of this.#waiting.get(id) ?? []) take(session);
    return session;
  }

  /** The build may come before the session that it names: rejects not-found when none has come in `timeoutMs`. */
  find(id: string, timeoutMs: number): Promise<Session> {
    const present = this.#sessions.get(id);
    if (present !== undefined) return Promise.resolve(present);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const settle = () => {
        clearTimeout(timer);
        waiting.delete(take);
        if (waiting.size === 0) this.#waiting.delete(id);
      };
      const take = (session: Session) => {
        settle();
        resolve(session);
      };
      const timer = setTimeout(() => {
        settle();
        reject(new ContainerError('not-found', `no active session for ${id}: none has come in ${timeoutMs} ms`));
      }, timeoutMs);
      waiting.add(take);
    });
  }

  close(): void {
    for (const session of [...this.#sessions.values()])
      session.end(new ContainerError('unavailable', `session ${session.id}: the engine stops`));
  }
}
