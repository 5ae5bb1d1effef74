// `tsctl port`: where a container's ports are published.
import type { Command } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { inspectContainer } from '../client/containers.ts';

export const portCommand: Command = {
  name: 'port',
  summary: 'List port mappings or a specific mapping for the container',
  usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
  flags: [],
  args: { min: 1, max: 2 },
  completes: 'running',
  async run(context) {
    const [name = '', wanted] = context.args;
    const { NetworkSettings } = await inspectContainer(context.client, name);
    const ports = NetworkSettings.Ports ?? {};
    const address = ({ HostIp, HostPort }: { HostIp: string; HostPort: string }) =>
      `${HostIp.includes(':') ? `[${HostIp}]` : HostIp}:${HostPort}`;
    if (wanted === undefined) {
      const lines = Object.entries(ports).flatMap(([port, bindings]) =>
        (bindings ?? []).map((binding) => `${port} -> ${address(binding)}`),
      );
      for (const line of lines.sort()) context.out.line(line);
      return 0;
    }
    const bindings = ports[wanted.includes('/') ? wanted : `${wanted}/tcp`];
    if (!bindings)
      throw new CommandFailure(
        `Error: No public port '${wanted.includes('/') ? wanted : `${wanted}/tcp`}' published for ${name}`,
      );
    for (const binding of bindings) context.out.line(address(binding));
    return 0;
  },
};
