// Runs one command and gives back what it printed; never throws on a non-zero exit.
import { spawn } from 'node:child_process';

export interface CommandResult {
  stdout: string;
  stderr: string;
  /** Exit code, or 128 + signal number is not guessed: null when a signal ended it. */
  code: number | null;
}

export interface CommandOptions {
  env?: Record<string, string>;
  cwd?: string;
  input?: string | Buffer;
  /** Milliseconds; the command is killed after it and the call rejects. Default 60 s. */
  timeoutMs?: number;
}

export function run(file: string, args: string[], options: CommandOptions = {}): Promise<CommandResult> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { ...process.env, ...options.env },
      cwd: options.cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new Error(`${file} ${args.join(' ')}: no end in ${timeoutMs} ms\n${Buffer.concat(out)}${Buffer.concat(err)}`),
      );
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => undefined); // a command that does not read its input closes the pipe
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
        code,
      });
    });
    child.stdin.end(options.input ?? '');
  });
}

/** As `run`, but a non-zero exit is an error that shows what was printed. */
export async function runOk(file: string, args: string[], options: CommandOptions = {}): Promise<string> {
  const result = await run(file, args, options);
  if (result.code !== 0)
    throw new Error(`${file} ${args.join(' ')}: exit ${result.code}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not in ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
