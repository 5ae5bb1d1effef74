// `top`: the processes of a container, as the host's ps(1) prints them; ps is the one program that the engine runs.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

export interface ProcessTable {
  Titles: string[];
  Processes: string[][];
}

const run = promisify(execFile);
const maxOutputBytes = 16 * 1024 * 1024;

/** `psArgs`: ps's own, `-ef` when undefined; its output must have a PID column. */
export async function listProcesses(pids: number[], psArgs: string | undefined): Promise<ProcessTable> {
  const args = (psArgs || '-ef').split(/\s+/).filter((word) => word !== '');
  const output = await runPs(args);
  const [header = '', ...lines] = output.split('\n').filter((line) => line !== '');
  const titles = header.trim().split(/\s+/);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn < 0) throw new ContainerError('invalid-argument', "Couldn't find PID field in ps output");
  const wanted = new Set(pids.map(String));
  const rows = lines.map((line) => splitRow(line, titles.length)).filter((row) => wanted.has(row[pidColumn] ?? ''));
  return { Titles: titles, Processes: rows };
}

async function runPs(args: string[]): Promise<string> {
  try {
    const { stdout } = await run('ps', args, {
      maxBuffer: maxOutputBytes,
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    });
    return stdout;
  } catch (error) {
    const said =
      String((error as { stderr?: unknown }).stderr ?? '')
        .trim()
        .split('\n', 1)[0] ?? '';
    throw new ContainerError('invalid-argument', `ps: ${said || errorMessageOf(error)}`, { cause: error });
  }
}

/** The last column takes the rest of the line, spaces included. */
function splitRow(line: string, columns: number): string[] {
  const fields = line.trim().split(/\s+/);
  return fields.length <= columns ? fields : [...fields.slice(0, columns - 1), fields.slice(columns - 1).join(' ')];
}
