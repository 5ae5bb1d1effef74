// `tsctl version`: this client's and the daemon's.
import { type Command, noArguments } from '../cli/command.ts';
import { flag } from '../cli/flags.ts';
import { clientApiVersion } from '../client/engine-client.ts';
import { currentContextName } from '../contexts/context-choice.ts';
import { withEscapes } from '../format/list-format.ts';
import { compileTemplate } from '../format/template.ts';
import { toJson } from '../format/template-values.ts';
import { clientVersion } from '../version.ts';

interface ServerVersion {
  Platform?: { Name: string };
  Components?: { Name: string; Version: string; Details?: Record<string, string> }[];
  Version: string;
  ApiVersion: string;
  MinAPIVersion?: string;
  GitCommit: string;
  GoVersion?: string;
  Os: string;
  Arch: string;
  KernelVersion?: string;
  Experimental?: boolean;
  BuildTime?: string;
}

export const versionCommand: Command = {
  name: 'version',
  summary: 'Show the version information',
  usage: '',
  flags: [
    flag('string', 'format,f', 'Format output using a custom template ("json" or a Go template)'),
    flag('bool', 'client', 'Show only this client, without asking the daemon'),
  ],
  args: noArguments,
  async run(context) {
    const { flags, out } = context;
    const client = {
      Version: clientVersion,
      ApiVersion: flags.bool('client')
        ? clientApiVersion
        : await context.client.apiVersion().catch(() => clientApiVersion),
      DefaultAPIVersion: clientApiVersion,
      NodeVersion: process.version,
      Os: process.platform,
      Arch: architecture(),
      Context: currentContextName(context.globals, context.config),
    };
    const answer = flags.bool('client')
      ? undefined
      : await context.client.json<ServerVersion>('GET', '/version').then(
          (server) => ({ Server: { Experimental: false, ...server } }),
          (error: unknown) => ({ error }),
        );
    const server = answer !== undefined && 'Server' in answer ? answer.Server : undefined;
    const format = flags.text('format');
    if (format === 'json') out.line(toJson({ Client: client, Server: server }));
    else if (format !== '') out.line(compileTemplate(withEscapes(format))({ Client: client, Server: server ?? null }));
    else out.line(clientText(client) + (server === undefined ? '' : `\n\n${serverText(server)}`));
    if (answer !== undefined && 'error' in answer) throw answer.error;
    return 0;
  },
};

function architecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

function field(name: string, value: string | undefined, indent = ' '): string {
  return `${indent}${`${name}:`.padEnd(19 - indent.length)}${value ?? ''}`;
}

function clientText(client: Record<string, string>): string {
  const apiNote =
    client['ApiVersion'] === client['DefaultAPIVersion'] ? '' : ` (downgraded from ${client['DefaultAPIVersion']})`;
  return [
    'Client:',
    field('Version', client['Version']),
    field('API version', `${client['ApiVersion']}${apiNote}`),
    field('Node version', client['NodeVersion']),
    field('OS/Arch', `${client['Os']}/${client['Arch']}`),
    field('Context', client['Context']),
  ].join('\n');
}

function serverText(server: ServerVersion): string {
  const engine = server.Components?.find((component) => component.Name === 'Engine');
  const minimum = server.MinAPIVersion ?? engine?.Details?.['MinAPIVersion'] ?? '';
  const lines = [
    `Server:${server.Platform?.Name ? ` ${server.Platform.Name}` : ''}`,
    ' Engine:',
    field('Version', server.Version, '  '),
    field('API version', `${server.ApiVersion} (minimum version ${minimum})`, '  '),
    field('Git commit', server.GitCommit, '  '),
    field('OS/Arch', `${server.Os}/${server.Arch}`, '  '),
    field('Experimental', String(server.Experimental ?? false), '  '),
  ];
  for (const component of server.Components ?? []) {
    if (component.Name === 'Engine') continue;
    lines.push(` ${component.Name}:`, field('Version', component.Version, '  '));
    if (component.Details?.['GitCommit'] !== undefined)
      lines.push(field('GitCommit', component.Details['GitCommit'], '  '));
  }
  return lines.join('\n');
}
