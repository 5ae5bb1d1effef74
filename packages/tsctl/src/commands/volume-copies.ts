// `tsctl volume rename|clone|snapshot`: what Docker has not, for engines that have it.
import { type Command, exactly } from '../cli/command.ts';
import type { EngineClient } from '../client/engine-client.ts';
import { missingObject } from '../client/engine-error.ts';

async function post(
  client: EngineClient,
  name: string,
  action: string,
  query: Record<string, string | boolean>,
): Promise<string> {
  const answer = await client
    .json<{ Name: string }>('POST', `/volumes/${encodeURIComponent(name)}/${action}`, { query })
    .catch((error: unknown) => {
      throw missingObject('volume', name, error);
    });
  return answer.Name;
}

export const volumeRenameCommand: Command = {
  name: 'rename',
  summary: 'Rename a volume that no running container uses',
  usage: 'VOLUME NEW_NAME',
  flags: [],
  args: exactly(2),
  completes: 'volume',
  async run({ client, args: [name = '', target = ''], out }) {
    out.line(await post(client, name, 'rename', { name: target }));
    return 0;
  },
};

export const volumeCloneCommand: Command = {
  name: 'clone',
  summary: 'Copy a volume, its users paused meanwhile',
  usage: 'VOLUME NEW_NAME',
  flags: [],
  args: exactly(2),
  completes: 'volume',
  async run({ client, args: [name = '', target = ''], out }) {
    out.line(await post(client, name, 'clone', { name: target }));
    return 0;
  },
};

export const volumeSnapshotCommand: Command = {
  name: 'snapshot',
  summary: 'Copy a volume as it is now, under a name with the time unless one is given',
  usage: 'VOLUME [NEW_NAME]',
  flags: [],
  args: { min: 1, max: 2 },
  completes: 'volume',
  async run({ client, args: [name = '', target], out }) {
    const stamp = new Date().toISOString().replace(/[:.]/g, '-');
    out.line(await post(client, name, 'clone', { name: target ?? `${name}-${stamp}`, snapshot: true }));
    return 0;
  },
};
