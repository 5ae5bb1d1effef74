// `tsctl context ls|show|use|inspect|rm`: which engines this client knows and which of them it talks to.
import { defaultContextName } from '@tsctl/client/docker-config';
import { anyNumber, atLeastOne, type Command, type CommandContext, exactly, noArguments } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { contextNamed, currentContextName, defaultContext, storedContextName } from '../contexts/context-choice.ts';
import { type ContextMeta, ContextStore } from '../contexts/context-store.ts';
import { printList, withEscapes } from '../format/list-format.ts';
import { compileTemplate } from '../format/template.ts';
import { toJson } from '../format/template-values.ts';

const defaultDescription = 'Current DOCKER_HOST based configuration';

export const contextListCommand: Command = {
  name: 'ls',
  summary: 'List contexts',
  usage: '',
  flags: [
    flag('string', 'format', 'Pretty-print contexts using a Go template, "table", "table TEMPLATE" or "json"'),
    flag('bool', 'quiet,q', 'Only show context names'),
  ],
  args: noArguments,
  async run(context) {
    const { config, globals, flags, out } = context;
    const current = currentContextName(globals, config);
    const metas = [defaultContext(globals), ...new ContextStore(config.directory).list()];
    const rows = metas
      .sort((left, right) => (left.Name < right.Name ? -1 : 1))
      .map((meta) => ({
        Name: meta.Name,
        Current: meta.Name === current,
        Description: meta.Name === defaultContextName ? defaultDescription : (meta.Metadata.Description ?? ''),
        DockerEndpoint: meta.Endpoints.docker?.Host ?? '',
        Error: '',
      }));
    const headers = {
      Name: 'NAME',
      Current: 'CURRENT',
      Description: 'DESCRIPTION',
      DockerEndpoint: 'DOCKER ENDPOINT',
      Error: 'ERROR',
    };
    const preset = 'table {{.Name}}{{if eq .Current true}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}';
    const isQuiet = flags.bool('quiet');
    printList(out, rows, { format: flags.text('format'), headers, preset, quietField: isQuiet ? 'Name' : undefined });
    warnOfHost(context, 'a context');
    return 0;
  },
};

export const contextShowCommand: Command = {
  name: 'show',
  summary: 'Print the name of the current context',
  usage: '',
  flags: [],
  args: noArguments,
  async run({ out, globals, config }) {
    out.line(currentContextName(globals, config));
    return 0;
  },
};

export const contextUseCommand: Command = {
  name: 'use',
  summary: 'Set the current context',
  usage: 'CONTEXT',
  flags: [],
  args: exactly(1),
  async run(context) {
    const { config, out, err } = context;
    const [name = ''] = context.args;
    if (name !== defaultContextName) new ContextStore(config.directory).get(name);
    config.storeCurrentContext(name === defaultContextName ? undefined : name);
    out.line(name);
    err.line(`Current context is now "${name}"`);
    warnOfHost(context, `"${name}"`);
    return 0;
  },
};

export const contextInspectCommand: Command = {
  name: 'inspect',
  summary: 'Display detailed information on one or more contexts',
  usage: '[CONTEXT] [CONTEXT...]',
  flags: [flag('string', 'format,f', 'Format the output using the given Go template')],
  args: anyNumber,
  async run(context) {
    const { args, config, globals, flags, out } = context;
    const names = args.length === 0 ? [currentContextName(globals, config)] : args;
    const found: object[] = [];
    const failures: string[] = [];
    for (const name of names) {
      try {
        found.push(inspected(contextNamed(name, globals, config), context));
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    const template = flags.text('format');
    if (template === '') out.line(toJson(found, '    '));
    else {
      const compiled = template === 'json' ? toJson : compileTemplate(withEscapes(template));
      for (const each of found) out.line(compiled(each));
    }
    if (failures.length > 0) throw new CommandFailure(failures.join('\n'));
    return 0;
  },
};

export const contextRemoveCommand: Command = {
  name: 'rm',
  summary: 'Remove one or more contexts',
  usage: 'CONTEXT [CONTEXT...]',
  flags: [flag('bool', 'force,f', 'Force the removal of a context in use')],
  args: atLeastOne,
  async run({ args, config, globals, flags, out }) {
    const store = new ContextStore(config.directory);
    const current = currentContextName(globals, config);
    const failures: string[] = [];
    for (const name of args) {
      const fault = removalFault(name, store, current, flags.bool('force'));
      if (fault !== undefined) {
        failures.push(`${name}: ${fault}`);
        continue;
      }
      store.remove(name);
      if (name === storedContextName(config)) config.storeCurrentContext(undefined);
      out.line(name);
    }
    if (failures.length > 0) throw new CommandFailure(failures.join('\n'));
    return 0;
  },
};

function removalFault(name: string, store: ContextStore, current: string, isForced: boolean): string | undefined {
  if (name === defaultContextName) return 'context "default" cannot be removed';
  if (!store.has(name)) return `context "${name}" does not exist`;
  return name === current && !isForced ? 'context is in use, set -f flag to force remove' : undefined;
}

function inspected(meta: ContextMeta, { config }: CommandContext): object {
  const store = new ContextStore(config.directory);
  const isDefault = meta.Name === defaultContextName;
  const tls = isDefault ? {} : store.tlsOf(meta.Name);
  return {
    ...meta,
    TLSMaterial: Object.fromEntries(Object.entries(tls).map(([endpoint, files]) => [endpoint, Object.keys(files)])),
    Storage: {
      MetadataPath: isDefault ? '<IN MEMORY>' : store.metadataPath(meta.Name),
      TLSPath: isDefault ? '<IN MEMORY>' : store.tlsPath(meta.Name),
    },
  };
}

/** The variable is stronger than the choice: say so. */
function warnOfHost({ err, globals }: CommandContext, what: string): void {
  if ((process.env['DOCKER_HOST'] ?? '') === '' || globals.contextName !== '') return;
  err.line(
    `Warning: DOCKER_HOST environment variable overrides the active context. To use ${what}, either set the global --context flag, or unset DOCKER_HOST environment variable.`,
  );
}
