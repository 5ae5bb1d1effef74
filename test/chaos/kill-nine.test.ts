// kill -9 of each daemon in turn, with ten containers running and writing: none stops, no log line and no exit code is lost.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { leaksBetween, type MachineSnapshot, snapshotMachine } from '../harness/leak-check.ts';
import { isAlive } from '../harness/processes.ts';
import { type Stack, type StackDaemon, startStack } from '../harness/stack.ts';

const writers = 10;
/** Lines each container writes, one every 5 ms or so: long enough to outlive the kill and the restart. */
const linesEach = 1200;

let before: MachineSnapshot;
let stack: Stack;

beforeAll(async () => {
  const archive = await busyboxArchive();
  before = snapshotMachine();
  stack = await startStack();
  const loaded = await stack.tsctl(['load', '-q', '-i', archive]);
  expect(loaded.code, loaded.stderr).toBe(0);
});

afterAll(async () => {
  await stack?.stop();
  expect(leaksBetween(before, snapshotMachine())).toEqual([]);
});

async function startWriter(index: number): Promise<{ id: string; pid: number; exitCode: number }> {
  const exitCode = 20 + index;
  const script = `i=0; while [ $i -lt ${linesEach} ]; do i=$((i+1)); echo "line $i of ${index}"; usleep 4000; done; exit ${exitCode}`;
  const created = await stack.api('POST', '/containers/create', {
    Image: 'busybox',
    Cmd: ['sh', '-c', script],
    HostConfig: { NetworkMode: 'none' },
  });
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  const id = created.body.Id as string;
  expect((await stack.api('POST', `/containers/${id}/start`)).status).toBe(204);
  const { body } = await stack.api('GET', `/containers/${id}/json`);
  return { id, pid: body.State.Pid, exitCode };
}

async function killAndRestart(daemon: StackDaemon): Promise<void> {
  await stack.kill(daemon);
  if (daemon === 'tsengined') await stack.startEngine();
}

describe.each<StackDaemon>(['tsengined', 'tscontainerd', 'containerd-shim'])('kill -9 of %s', (daemon) => {
  it('loses no container, no line of log and no exit code', async () => {
    const containers = await Promise.all(Array.from({ length: writers }, (_, index) => startWriter(index)));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(containers.every(({ pid }) => isAlive(pid))).toBe(true);
    await killAndRestart(daemon);
    expect(containers.filter(({ pid }) => !isAlive(pid))).toEqual([]);

    for (const { id, exitCode } of containers) {
      const state = await until(`${id} exited`, 40_000, async () => {
        const answer = await stack.api('GET', `/containers/${id}/json`).catch(() => undefined);
        return answer?.status === 200 && answer.body.State.Status === 'exited' ? answer.body.State : undefined;
      });
      expect(state.ExitCode).toBe(exitCode);
    }
    for (const [index, { id }] of containers.entries()) {
      const logs = await stack.tsctl(['logs', id]);
      const expected = Array.from({ length: linesEach }, (_, line) => `line ${line + 1} of ${index}`);
      expect(logs.stdout.trimEnd().split('\n')).toEqual(expected);
    }
    for (const { id } of containers) expect((await stack.api('DELETE', `/containers/${id}`)).status).toBe(204);
  }, 120_000);
});
