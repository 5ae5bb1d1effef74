// The client's config.json (DOCKER_CONFIG, --config): registry credentials, detach keys, formats. login and logout write it.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';

export interface StoredAuth {
  /** base64 of `user:password`. */
  auth?: string;
  identitytoken?: string;
}

export interface ConfigContent {
  auths?: Record<string, StoredAuth>;
  detachKeys?: string;
  psFormat?: string;
  imagesFormat?: string;
  HttpHeaders?: Record<string, string>;
  /** What `tsctl context use` has chosen; absent for the default one. */
  currentContext?: string;
  /** The credential helper for every registry, and those for single ones. */
  credsStore?: string;
  credHelpers?: Record<string, string>;
  [other: string]: unknown;
}

/** Reads at first use: most commands never need it. */
export class ConfigFile {
  readonly directory: string;
  #content: ConfigContent | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  get path(): string {
    return join(this.directory, 'config.json');
  }

  get content(): ConfigContent {
    this.#content ??= this.#read();
    return this.#content;
  }

  storeAuth(key: string, auth: StoredAuth): void {
    this.#write({ ...this.content, auths: { ...this.content.auths, [key]: auth } });
  }

  /** Whether there was one. */
  removeAuth(key: string): boolean {
    const auths = { ...this.content.auths };
    if (auths[key] === undefined) return false;
    delete auths[key];
    this.#write({ ...this.content, auths });
    return true;
  }

  /** Undefined for the default one. */
  storeCurrentContext(name: string | undefined): void {
    const { currentContext: _before, ...others } = this.content;
    this.#write(name === undefined ? others : { ...others, currentContext: name });
  }

  #read(): ConfigContent {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw new ContainerError('failed-precondition', `read ${this.path}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    try {
      return JSON.parse(text) as ConfigContent;
    } catch (error) {
      throw new ContainerError('invalid-argument', `read ${this.path}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Whole or not at all: a new file, renamed over the old; `auths` is always there, as docker writes it. */
  #write(content: ConfigContent): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const fresh = `${this.path}.${process.pid}`;
    writeFileSync(fresh, `${JSON.stringify({ auths: {}, ...content }, null, '\t')}`, { mode: 0o600 });
    renameSync(fresh, this.path);
    this.#content = content;
  }
}
