// docker search on dockerd and tsctl search on ours, each with the same index on its loopback; and without any index.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, run } from '../harness/command.ts';
import { startRealDockerd } from '../harness/real-dockerd.ts';
import { isListening, startInside } from '../harness/registry.ts';
import { binDirectory, repositoryRoot } from '../harness/repository.ts';
import { startStack } from '../harness/stack.ts';

const port = 5005;
const index = `127.0.0.1:${port}`;

interface Side {
  search(...args: string[]): Promise<CommandResult>;
  stop(): Promise<void>;
}

let sides: Side[] = [];

beforeAll(async () => {
  const engines = await Promise.all([startRealDockerd(), startStack()]);
  const clients = ['/usr/bin/docker', join(binDirectory, 'tsctl')];
  sides = await Promise.all(
    engines.map(async ({ network, socket, directory, stop }, at) => {
      const args = [join(repositoryRoot, 'test/harness/search-index.ts'), String(port)];
      const ready = () => isListening(network, port);
      const stopIndex = await startInside(network, join(directory, 'index.log'), process.execPath, args, ready);
      return {
        search: (...words: string[]) =>
          run(clients[at] ?? '', ['search', ...words], { env: { DOCKER_HOST: `unix://${socket}` } }),
        stop: async () => {
          await stopIndex();
          await stop.call(engines[at]);
        },
      };
    }),
  );
});

afterAll(async () => {
  for (const side of sides) await side.stop();
});

describe('search', () => {
  it.each<string[]>([
    [`${index}/web`],
    [`${index}/web`, '--no-trunc'],
    [`${index}/b`, '--limit', '1'],
    [`${index}/nosuch`],
    [`${index}/web`, '-f', 'is-official=true'],
    [`${index}/web`, '-f', 'stars=2', '--format', '{{.Name}}: {{.StarCount}}'],
    [`${index}/web`, '--format', 'table {{.Name}}\\t{{.IsOfficial}}'],
    [`${index}/web`, '--limit', '101'],
  ])('%j', async (...args) => {
    const [theirs, ours] = await Promise.all(sides.map((side) => side.search(...args)));
    // told in docker 28's words
    expect(ours).toEqual({ ...theirs, stderr: theirs?.stderr.replace('Limit 101', 'limit 101') });
    expect(theirs?.stdout === '' && theirs.stderr === '').toBe(false);
  });

  it('says that it cannot reach an index that is not there', async () => {
    for (const side of sides) {
      const { code, stderr } = await side.search('127.0.0.1:1/web');
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^Error response from daemon: .*refused|REFUSED/)]);
    }
  });
});
