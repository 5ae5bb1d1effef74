// The stage the tour's experiments play on: runs commands for real, prints them with their output, checks expectations.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Output } from '../cli/output.ts';

const commandTimeoutMs = 30_000;
const bold = (text: string) => `\x1b[1m${text}\x1b[0m`;
const dim = (text: string) => `\x1b[2m${text}\x1b[0m`;

export interface CommandResult {
  stdout: string;
  /** 128 + signal for a program that a signal ended. */
  exitCode: number;
  /** Of the process that we started. */
  pid: number;
}

export interface StageOptions {
  out: Output;
  /** The daemon, passed on as DOCKER_HOST. */
  host: string;
  image: string;
  /** Called after each experiment: waits for Enter, or not. */
  next: () => Promise<void>;
}

export class Stage {
  readonly image: string;
  readonly #options: StageOptions;
  readonly #cleanUps: (() => void)[] = [];
  readonly #failures: string[] = [];

  constructor(options: StageOptions) {
    this.#options = options;
    this.image = options.image;
  }

  /** What did not come out as expected, so far. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  title(text: string): void {
    this.#options.out.line(`\n${this.#styled(bold, `=== ${text}`)}`);
  }

  say(text: string): void {
    this.#options.out.line(text);
  }

  /** What the reader should see in the output above. */
  lookAt(text: string): void {
    this.#options.out.line(`${this.#styled(bold, '->')} ${text}`);
  }

  async next(): Promise<void> {
    await this.#options.next();
  }

  /** `tsctl ARGS`, shown with its output. */
  tsctl(...words: string[]): CommandResult {
    return this.#show(`tsctl ${words.map(quoted).join(' ')}`, this.quietly(...words));
  }

  /** A program of the host, shown with its output. */
  host(program: string, ...words: string[]): CommandResult {
    return this.#show(`${program} ${words.map(quoted).join(' ')}`, run(program, words, process.env));
  }

  /** `tsctl ARGS` without showing it: preparation, clean-up. */
  quietly(...words: string[]): CommandResult {
    const [node, main] = [
      process.execPath,
      fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../main.ts' : import.meta.url, import.meta.url)),
    ];
    return run(node, [...process.execArgv, '--', main, ...words], { ...process.env, DOCKER_HOST: this.#options.host });
  }

  /** Marks the experiment as failed unless `holds`. */
  expect(claim: string, holds: boolean): void {
    const { out } = this.#options;
    out.line(holds ? `   ok: ${claim}` : this.#styled(bold, `   NOT SO: ${claim}`));
    if (!holds) this.#failures.push(claim);
  }

  /** Undone in reverse order by `clear`. */
  afterwards(cleanUp: () => void): void {
    this.#cleanUps.push(cleanUp);
  }

  /** Starts a container in the background, removed at the end; undefined (and a failure) when it does not start. */
  container(name: string, words: readonly string[]): string | undefined {
    this.afterwards(() => void this.quietly('rm', '-f', name));
    const { exitCode } = this.tsctl('run', '-d', '--name', name, ...words);
    if (exitCode === 0) return name;
    this.expect(`the container ${name} starts`, false);
    return undefined;
  }

  /** The container's first process as the host numbers it; 0 when it does not run. */
  pidOf(name: string): number {
    return Number(this.tsctl('inspect', '--format', '{{.State.Pid}}', name).stdout.trim()) || 0;
  }

  clear(): void {
    for (let cleanUp = this.#cleanUps.pop(); cleanUp !== undefined; cleanUp = this.#cleanUps.pop()) cleanUp();
  }

  #show(line: string, result: CommandResult): CommandResult {
    const { out } = this.#options;
    out.line(`\n${this.#styled(dim, '$')} ${line}`);
    for (const text of result.stdout.split('\n').slice(0, -1)) out.line(`  ${text}`);
    if (result.exitCode !== 0) out.line(`  (exit code ${result.exitCode})`);
    return result;
  }

  #styled(style: (text: string) => string, text: string): string {
    return this.#options.out.isTerminal ? style(text) : text;
  }
}

/** Output and errors together, as a terminal would show them. */
function run(program: string, words: readonly string[], env: NodeJS.ProcessEnv): CommandResult {
  const { stdout, stderr, status, pid, error } = spawnSync(program, words, {
    encoding: 'utf8',
    env,
    timeout: commandTimeoutMs,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error !== undefined && status === null) return { stdout: `${error.message}\n`, exitCode: 127, pid: pid ?? 0 };
  return { stdout: stdout + stderr, exitCode: status ?? 128, pid };
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
