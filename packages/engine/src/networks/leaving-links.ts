// Interfaces of containers that have ended: the kernel takes them away with their namespace, in its own time and many at
// once; until then their addresses are not given to others.
import { errorMessageOf } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';
import type { HostLinks } from './host-links.ts';

interface Leaving {
  since: number;
  gone(): void;
}

const lookMs = 100;
/** A namespace that lives on (somebody else is in it) loses its link then. */
const patienceMs = 1500;

export class LeavingLinks {
  readonly #links: HostLinks;
  readonly #log: Logger;
  readonly #leaving = new Map<string, Leaving>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(links: HostLinks, log: Logger) {
    this.#links = links;
    this.#log = log;
  }

  /** `gone` is called once there is no link of that name. */
  add(name: string, gone: () => void): void {
    this.#leaving.set(name, { since: Date.now(), gone });
    this.#lookLater();
  }

  /** Takes it away now, when somebody waits for what it holds. */
  async hasten(name: string): Promise<void> {
    const leaving = this.#leaving.get(name);
    if (leaving === undefined) return;
    await this.#links.remove(name);
    this.#settle(name);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #settle(name: string): void {
    const leaving = this.#leaving.get(name);
    if (leaving === undefined) return;
    this.#leaving.delete(name);
    leaving.gone();
  }

  #lookLater(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#look()
        .catch((error) => this.#log.warn({ err: errorMessageOf(error) }, 'links of ended containers not looked at'))
        .finally(() => {
          this.#timer = undefined;
          if (this.#leaving.size > 0) this.#lookLater();
        });
    }, lookMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const present = new Set((await this.#links.list()).map((link) => link.name));
    for (const [name, { since }] of [...this.#leaving]) {
      if (!present.has(name)) this.#settle(name);
      else if (Date.now() - since > patienceMs) await this.hasten(name);
    }
  }
}
