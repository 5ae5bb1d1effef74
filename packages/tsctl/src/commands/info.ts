// `tsctl info`: the engine and its machine.
import { type Command, noArguments } from '../cli/command.ts';
import { flag } from '../cli/flags.ts';
import { currentContextName } from '../contexts/context-choice.ts';
import { withEscapes } from '../format/list-format.ts';
import { formatBinarySize } from '../format/sizes.ts';
import { compileTemplate } from '../format/template.ts';
import { toJson } from '../format/template-values.ts';

type Fields = Record<string, unknown>;

export const infoCommand: Command = {
  name: 'info',
  summary: 'Display system-wide information',
  usage: '',
  flags: [flag('string', 'format,f', 'Format the output using the given Go template, or "json"')],
  args: noArguments,
  async run(context) {
    const { client, config, flags, out, globals } = context;
    const name = currentContextName(globals, config);
    const info = await client.json<Fields>('GET', '/info');
    const format = flags.text('format');
    const data = { ...info, ClientInfo: { Debug: globals.isDebug, Context: name } };
    if (format === 'json') out.line(toJson(data));
    else if (format !== '') out.line(compileTemplate(withEscapes(format))(data));
    else out.line(infoText(info, name, globals.isDebug));
    for (const warning of (info['Warnings'] as string[] | null) ?? []) context.err.line(warning);
    return 0;
  },
};

function infoText(info: Fields, context: string, isDebug: boolean): string {
  const lines = ['Client:', ` Context:    ${context}`, ` Debug Mode: ${isDebug}`, '', 'Server:'];
  const add = (name: string, value: unknown, depth = 1) => {
    if (value !== undefined && value !== null) lines.push(`${' '.repeat(depth)}${name}: ${String(value)}`);
  };
  add('Containers', info['Containers']);
  for (const [name, key] of [
    ['Running', 'ContainersRunning'],
    ['Paused', 'ContainersPaused'],
    ['Stopped', 'ContainersStopped'],
  ] as const)
    add(name, info[key], 2);
  add('Images', info['Images']);
  add('Server Version', info['ServerVersion']);
  add('Storage Driver', info['Driver']);
  for (const [name, value] of (info['DriverStatus'] as [string, string][] | null) ?? []) add(name, value, 2);
  add('Logging Driver', info['LoggingDriver']);
  add('Cgroup Driver', info['CgroupDriver']);
  add('Cgroup Version', info['CgroupVersion']);
  addPlugins(info, lines);
  add('Swarm', (info['Swarm'] as { LocalNodeState?: string } | undefined)?.LocalNodeState);
  add(
    'Runtimes',
    Object.keys((info['Runtimes'] as Fields | null) ?? {})
      .sort()
      .join(' '),
  );
  add('Default Runtime', info['DefaultRuntime']);
  add('Init Binary', info['InitBinary']);
  for (const [name, key] of [
    ['containerd', 'ContainerdCommit'],
    ['runc', 'RuncCommit'],
    ['init', 'InitCommit'],
  ] as const) {
    add(`${name} version`, (info[key] as { ID?: string } | undefined)?.ID);
  }
  addSecurity(info, lines);
  for (const [name, key] of [
    ['Kernel Version', 'KernelVersion'],
    ['Operating System', 'OperatingSystem'],
    ['OSType', 'OSType'],
    ['Architecture', 'Architecture'],
    ['CPUs', 'NCPU'],
  ] as const)
    add(name, info[key]);
  add('Total Memory', formatBinarySize(Number(info['MemTotal'] ?? 0)));
  for (const [name, key] of [
    ['Name', 'Name'],
    ['ID', 'ID'],
    ['Docker Root Dir', 'DockerRootDir'],
    ['Debug Mode', 'Debug'],
    ['Registry', 'IndexServerAddress'],
  ] as const)
    add(name, info[key]);
  lines.push(' Labels:', ...((info['Labels'] as string[] | null) ?? []).map((label) => `  ${label}`));
  add('Experimental', info['ExperimentalBuild']);
  const registries = info['RegistryConfig'] as
    | { InsecureRegistryCIDRs?: string[] | null; Mirrors?: string[] | null }
    | null
    | undefined;
  lines.push(' Insecure Registries:', ...(registries?.InsecureRegistryCIDRs ?? []).map((range) => `  ${range}`));
  if ((registries?.Mirrors ?? []).length > 0)
    lines.push(' Registry Mirrors:', ...(registries?.Mirrors ?? []).map((mirror) => `  ${mirror}`));
  add('Live Restore Enabled', info['LiveRestoreEnabled']);
  return `${lines.join('\n')}\n`;
}

function addPlugins(info: Fields, lines: string[]): void {
  const plugins = (info['Plugins'] as Record<string, string[] | null> | null) ?? {};
  lines.push(' Plugins:');
  for (const kind of ['Volume', 'Network', 'Log'] as const) lines.push(`  ${kind}: ${(plugins[kind] ?? []).join(' ')}`);
}

/** `name=seccomp,profile=default`. */
function addSecurity(info: Fields, lines: string[]): void {
  const options = (info['SecurityOptions'] as string[] | null) ?? [];
  if (options.length === 0) return;
  lines.push(' Security Options:');
  for (const option of options) {
    const parts = option.split(',').map((part) => part.split('='));
    for (const [key = '', value = key] of parts) {
      lines.push(key === 'name' ? `  ${value}` : `   ${key.charAt(0).toUpperCase()}${key.slice(1)}: ${value}`);
    }
  }
}
