// One trace from the client's header through every layer's log, down to the runtime's steps.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ engineFlags: ['--log-level', 'debug'] });
});
afterAll(async () => {
  await stack?.stop();
});

const traceId = '0af7651916cd43dd8448eb211c80319c';
const header = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };

interface LogLine {
  name?: string;
  traceId?: string;
  steps?: { name: string; beganNs: number; endedNs: number }[];
}

function logLines(): LogLine[] {
  // tscontainerd and the shims outlive the engine, so they have a log of their own
  const text = [stack.logFile, join(stack.directory, 'data/tscontainerd.log')]
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      return [JSON.parse(line) as LogLine];
    } catch {
      return []; // a line that is still being written
    }
  });
}

describe('a trace', () => {
  it('reaches every layer, and the runtime says when each step began and ended', async () => {
    const created = await stack.api(
      'POST',
      '/containers/create',
      {
        Image: 'tscontainer/whoami',
        Cmd: ['true'],
        HostConfig: { NetworkMode: 'none' },
      },
      header,
    );
    expect(created.status, JSON.stringify(created.body)).toBe(201);
    expect((await stack.api('POST', `/containers/${created.body.Id}/start`, undefined, header)).status).toBe(204);
    const ours = await until('every layer logged it', 5000, () => {
      const lines = logLines().filter((line) => line.traceId === traceId);
      const names = new Set(lines.map((line) => line.name));
      return ['tsengined', 'tscontainerd', 'containerd-shim-ts-v2'].every((name) => names.has(name))
        ? lines
        : undefined;
    });
    const steps = ours.flatMap((line) => line.steps ?? []);
    expect(steps.length).toBeGreaterThan(5);
    expect(steps.every((step) => step.name !== '' && step.endedNs >= step.beganNs && step.beganNs > 0)).toBe(true);
    await stack.api('DELETE', `/containers/${created.body.Id}?force=1`);
  });
});
