// Build arguments: what the client gave, what ARG declared before FROM and in a stage, and which of them an instruction sees.
import type { Writable } from './build-output.ts';

/** Usable without ARG, and no part of the cache's key. */
const predefined = new Set([
  'HTTP_PROXY',
  'http_proxy',
  'HTTPS_PROXY',
  'https_proxy',
  'FTP_PROXY',
  'ftp_proxy',
  'NO_PROXY',
  'no_proxy',
]);

type Values = Map<string, string | undefined>;

/** Names with a value that is undefined were mentioned without one. */
export type GivenArgs = ReadonlyMap<string, string | null>;

export class BuildArgs {
  readonly #given: GivenArgs;
  readonly #declared: Values = new Map();
  readonly #global: Values;
  /** Shared by all stages: for the warning at the end. */
  readonly #referenced: Set<string>;

  constructor(given: GivenArgs, global: Values = new Map(), referenced = new Set<string>()) {
    this.#given = given;
    this.#global = global;
    this.#referenced = referenced;
  }

  /** For the next stage: what ARG declared in another one is not seen there. */
  forStage(): BuildArgs {
    return new BuildArgs(this.#given, this.#global, this.#referenced);
  }

  declare(name: string, value: string | undefined): void {
    this.#declared.set(name, value);
    this.#referenced.add(name);
  }

  /** Before the first FROM. */
  declareGlobal(name: string, value: string | undefined): void {
    this.declare(name, value);
    this.#global.set(name, value);
  }

  /** What FROM may use. */
  globals(): Map<string, string> {
    return this.#valuesOf(this.#global);
  }

  /** What ARG before FROM may use. */
  declared(): Map<string, string> {
    return this.#valuesOf(this.#declared);
  }

  /** `NAME=value` of what is declared and not in the environment, in order of names. */
  beside(environment: readonly string[]): string[] {
    const taken = new Set(environment.map((entry) => entry.split('=', 1)[0]));
    return [...this.declared()]
      .filter(([name]) => !taken.has(name))
      .map(([name, value]) => `${name}=${value}`)
      .sort();
  }

  /** A proxy's address changes no image, unless ARG names it. */
  isKey(entry: string): boolean {
    const name = entry.split('=', 1)[0] ?? '';
    return this.#declared.has(name) || !predefined.has(name);
  }

  warnOfUnused(out: Writable): void {
    const unused = [...this.#given.keys()].filter((name) => !this.#referenced.has(name) && !predefined.has(name));
    if (unused.length > 0) out.write(`[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n`);
  }

  #valuesOf(source: Values): Map<string, string> {
    const values = new Map<string, string>();
    for (const name of [...source.keys(), ...predefined]) {
      const value = this.#given.get(name) ?? source.get(name) ?? this.#global.get(name);
      if (value !== undefined && value !== null) values.set(name, value);
    }
    return values;
  }
}
