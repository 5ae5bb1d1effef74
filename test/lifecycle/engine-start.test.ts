// A start of the engine that comes to nothing leaves nothing: a signal while it starts, and a socket that it cannot have.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run, until } from '../harness/command.ts';
import { addNetworkNamespace, type NetworkNamespace } from '../harness/network-namespace.ts';
import { processesOf } from '../harness/processes.ts';
import { binDirectory } from '../harness/repository.ts';

let directory: string;
let network: NetworkNamespace;
beforeEach(async () => {
  network = await addNetworkNamespace();
  directory = mkdtempSync('/tmp/tsc-start-');
});
afterEach(async () => {
  for (const { pid } of processesOf(directory)) process.kill(pid, 'SIGKILL');
  await network.remove();
  rmSync(directory, { recursive: true, force: true });
});

function startEngine(host: string) {
  const roots = ['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'exec')];
  const [file, args] = network.enter(join(binDirectory, 'tsengined'), ['-H', host, ...roots]);
  const engine = spawn(file, args, { stdio: 'ignore' });
  return { engine, code: new Promise<number | null>((resolve) => engine.once('exit', resolve)) };
}

const lifecycleDaemons = () => processesOf(directory).filter(({ comm }) => comm.startsWith('tscontainerd'));
const allGone = () => until('all gone', 15_000, () => (processesOf(directory).length === 0 ? true : undefined));

describe('a start of the engine', () => {
  it('that a signal meets half-way ends with all that it began', async () => {
    const { engine, code } = startEngine(`unix://${directory}/e.sock`);
    await until('the lifecycle daemon', 20_000, () => (lifecycleDaemons().length > 0 ? true : undefined));
    engine.kill('SIGTERM');
    expect(await code).toBe(0);
    await allGone();
    expect(existsSync(join(directory, 'exec/tsengined.pid'))).toBe(false);
  });

  it('that fails ends the lifecycle daemon that it began', async () => {
    const { code } = startEngine('odd://address');
    expect(await code).toBe(1);
    await allGone();
    const [file, args] = network.enter('ip', ['-o', 'link']);
    const { stdout } = await run(file, args);
    expect(stdout.split('\n').filter((line) => line !== '' && !line.includes(': lo:'))).toEqual([]);
  });
});
