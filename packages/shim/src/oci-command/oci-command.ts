// Runs one verb of another OCI runtime's command line (runc, crun) and turns its log's last words into the error.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { ContainerError, type ErrorCode } from '@tscontainer/core/errors';

export interface OciCommandOptions {
  /** A name to find in PATH, or a path. */
  binary: string;
  /** The runtime's own state directory. */
  root: string;
  isSystemdCgroup: boolean;
}

/** A verb that does not come back is killed; freezing and big checkpoints take their time. */
const verbTimeoutMs = 120_000;
const maxOutputBytes = 16 * 1024 * 1024;

/** The words before the verb. `log` gets JSON lines, as runc and crun write them. */
export function globalWords({ root, isSystemdCgroup }: OciCommandOptions, log: string): string[] {
  return ['--root', root, '--log', log, '--log-format', 'json', ...(isSystemdCgroup ? ['--systemd-cgroup'] : [])];
}

/** Resolves with what the verb printed. Throws with the last error of its log, or what it wrote to stderr. */
export async function runVerb(options: OciCommandOptions, log: string, words: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(options.binary, [...globalWords(options, log), ...words]);
  if (status === 0) return stdout;
  throw verbError(options, words[0] ?? '', log, stderr || `ended with ${status}`);
}

/** What the runtime said last, as our error: the code and reason that our own runtime would give. */
export function verbError(options: OciCommandOptions, verb: string, log: string, otherwise: string): ContainerError {
  const said = lastErrorOf(log) ?? otherwise.trim();
  const { code, reason } = meaningOf(said);
  return new ContainerError(code, `${basename(options.binary)} ${verb}: ${said}`, { reason });
}

function run(binary: string, words: string[]): Promise<{ status: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, words, { stdio: ['ignore', 'pipe', 'pipe'], timeout: verbTimeoutMs, killSignal: 9 });
    const chunks: { out: Buffer[]; err: Buffer[]; size: number } = { out: [], err: [], size: 0 };
    const collect = (into: Buffer[]) => (chunk: Buffer) => {
      chunks.size += chunk.length;
      if (chunks.size <= maxOutputBytes) into.push(chunk);
    };
    child.stdout.on('data', collect(chunks.out));
    child.stderr.on('data', collect(chunks.err));
    child.on('error', (error) => reject(new ContainerError('failed-precondition', `run ${binary}: ${error.message}`)));
    child.on('close', (code, signal) =>
      resolve({
        status: code ?? signal ?? 'nothing',
        stdout: Buffer.concat(chunks.out).toString(),
        stderr: Buffer.concat(chunks.err).toString(),
      }),
    );
  });
}

/** The message of the last line of level error. */
function lastErrorOf(log: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(log, 'utf8');
  } catch {
    return undefined; // it wrote none
  }
  for (const line of text.trimEnd().split('\n').reverse()) {
    const entry = entryOf(line);
    if (entry?.level === 'error') return entry.msg;
  }
  return undefined;
}

function entryOf(line: string): { level?: string; msg?: string } | undefined {
  try {
    return JSON.parse(line) as { level?: string; msg?: string };
  } catch {
    return undefined; // cut off, or no JSON
  }
}

/** Both runtimes tell failures by their words alone. */
const meanings: [pattern: RegExp, code: ErrorCode, reason?: string][] = [
  [/container (with given ID|.*)?already exists|already exists/i, 'already-exists'],
  [/executable file .*not found|exec: .*(no such file or directory|not found)/i, 'not-found', 'executable-not-found'],
  [/exec.*permission denied|open executable.*permission denied/i, 'permission-denied', 'not-executable'],
  [/container .*does not exist|does not exist|no such container/i, 'not-found'],
  [/process already finished|no such process|container not running|is not running|already stopped/i, 'not-found'],
  [/cannot (start|pause|exec|resume|delete)|not paused|container is not in the created state/i, 'failed-precondition'],
];

function meaningOf(said: string): { code: ErrorCode; reason: string | undefined } {
  const [, code = 'unknown', reason] = meanings.find(([pattern]) => pattern.test(said)) ?? [];
  return { code: code as ErrorCode, reason };
}
