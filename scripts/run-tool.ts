// Runs a compiler or another build tool: quiet when it succeeds, all it said when it fails.
import { spawnSync } from 'node:child_process';

/** Throws with the tool's output when it does not end with 0. */
export function runTool(tool: string, args: string[]): void {
  const result = spawnSync(tool, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (result.error !== undefined) throw new Error(`run ${tool}: ${result.error.message}`, { cause: result.error });
  if (result.status === 0) return;
  const ended = result.status === null ? `signal ${result.signal}` : `status ${result.status}`;
  throw new Error(`run ${tool} ${args.slice(0, 4).join(' ')} ...: ${ended}\n${result.stdout}${result.stderr}`);
}
