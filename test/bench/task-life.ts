// Measures tasks at the gRPC level: create+start with a warm and a cold shim, exec, whole lives, memory of a shim.
//
//   node test/bench/task-life.ts
import { readFileSync } from 'node:fs';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { pssKib } from '../harness/processes.ts';
import type { TaskClient } from '../harness/task-client.ts';
import { median, timed } from './figures.ts';

const rounds = 20;
const manyContainers = 50;
const rateLives = 200;
const rateWidth = 8;
const ownRuntime = 'io.containerd.ts.v2';

const fixed = (ms: number): string => `${ms.toFixed(1)} ms`;

async function measureStarts(client: TaskClient): Promise<void> {
  const starts: number[] = [];
  const lives: number[] = [];
  const execs: number[] = [];
  for (let round = 0; round < rounds + 3; round += 1) {
    const id = `s${round}`;
    await client.createContainer(id, ['/bin/sleep', '100']);
    const start = await timed(async () => {
      await client.createTask(id);
      await client.tasks('Start', { containerId: id });
    });
    const exec = await timed(async () => {
      await client.exec(id, 'e', ['/bin/true']);
      await client.wait(id, 'e');
      await client.tasks('DeleteProcess', { containerId: id, execId: 'e' });
    });
    await client.remove(id);
    await client.createContainer(`l${id}`, ['/bin/true']);
    const life = await timed(async () => {
      await client.createTask(`l${id}`);
      await client.tasks('Start', { containerId: `l${id}` });
      await client.wait(`l${id}`);
      await client.tasks('Delete', { containerId: `l${id}` });
    });
    await client.remove(`l${id}`);
    if (round < 3) continue; // warming up
    starts.push(start);
    execs.push(exec);
    lives.push(life);
  }
  console.log(
    `  create+start ${fixed(median(starts))}, exec ${fixed(median(execs))}, create+start+wait+delete ${fixed(median(lives))}`,
  );
}

async function measureMemory(daemon: LifecycleDaemon, client: TaskClient): Promise<void> {
  const privateKib = (pid: number) =>
    Number(/^Private_Dirty:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1] ?? 0);
  const settle = () => new Promise((resolve) => setTimeout(resolve, 1000));
  await settle();
  const idle = daemon.shims();
  console.log(
    `  idle: ${idle.length} shims, ${idle.map((pid) => `PSS ${pssKib([pid])} KiB, private ${privateKib(pid)} KiB`).join('; ')}`,
  );
  for (let index = 0; index < manyContainers; index += 1) await client.run(`m${index}`, ['/bin/sleep', '100']);
  await settle();
  const shims = daemon.shims();
  const monitors = client.monitors();
  console.log(
    `  ${manyContainers} containers: ${shims.length} shims with PSS ${pssKib(shims)} KiB, ${monitors.length} monitors with ${pssKib(monitors)} KiB`,
  );
  console.log(`  per container: ${((pssKib(shims) + pssKib(monitors)) / manyContainers).toFixed(0)} KiB`);
  for (let index = 0; index < manyContainers; index += 1) await client.remove(`m${index}`);
}

/** Every shim is killed before each start, and none is kept ready. */
async function measureColdStarts(): Promise<void> {
  console.log(`${ownRuntime}, cold`);
  const daemon = new LifecycleDaemon({ config: shimConfig(0), logLevel: 'info' });
  try {
    await daemon.start();
    const client = daemon.client(ownRuntime);
    const starts: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const id = `c${round}`;
      await client.createContainer(id, ['/bin/sleep', '100']);
      starts.push(
        await timed(async () => {
          await client.createTask(id);
          await client.tasks('Start', { containerId: id });
        }),
      );
      await client.remove(id);
      await daemon.killShims();
    }
    console.log(`  create+start ${fixed(median(starts))}`);
  } finally {
    await daemon.stop();
  }
}

/** Whole lives of eight clients at a time. */
async function measureRate(client: TaskClient): Promise<void> {
  let next = 0;
  const began = performance.now();
  const worker = async () => {
    while (next < rateLives) {
      const id = `r${next++}`;
      await client.run(id, ['/bin/true']);
      await client.wait(id);
      await client.remove(id);
    }
  };
  await Promise.all(Array.from({ length: rateWidth }, worker));
  console.log(
    `  ${((rateLives / (performance.now() - began)) * 1000).toFixed(0)} lives a second at width ${rateWidth}`,
  );
}

async function measure(runtime: string): Promise<void> {
  console.log(`${runtime}${runtime === ownRuntime ? ', warm' : ''}`);
  const daemon = new LifecycleDaemon({ config: shimConfig(1), logLevel: 'info' });
  try {
    await daemon.start();
    await measureStarts(daemon.client(runtime));
    await measureMemory(daemon, daemon.client(runtime));
    await measureRate(daemon.client(runtime));
  } finally {
    await daemon.stop();
  }
}

const shimConfig = (warmCount: number): string => `[shim]\nwarm_count = ${warmCount}\n`;

await measure(ownRuntime);
await measureColdStarts();
await measure('io.containerd.runc.v2');
