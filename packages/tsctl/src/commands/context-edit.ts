// `tsctl context create|update|export|import`: contexts made, changed and carried to another machine.

import { writeFileSync } from 'node:fs';
import { defaultContextName } from '@tsctl/client/docker-config';
import { type Command, type CommandContext, exactly } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { packContext, unpackContext } from '../contexts/context-archive.ts';
import { contextNamed, currentContextName } from '../contexts/context-choice.ts';
import { ContextStore, checkContextName } from '../contexts/context-store.ts';
import { endpointFrom, readEndpointFlag } from '../contexts/docker-endpoint-flag.ts';

const endpointFlag = flag('string', 'docker', 'Set the docker endpoint: host=,ca=,cert=,key=,skip-tls-verify=,from=');
const descriptionFlag = flag('string', 'description', 'Description of the context');

export const contextCreateCommand: Command = {
  name: 'create',
  summary: 'Create a context',
  usage: 'CONTEXT',
  flags: [descriptionFlag, endpointFlag, flag('string', 'from', 'Create context from a named context')],
  args: exactly(1),
  async run(context) {
    const { flags, config, globals } = context;
    const [name = ''] = context.args;
    const store = freshStore(context, name);
    const from = flags.text('from') || (flags.has('docker') ? '' : currentContextName(globals, config));
    const source = from === '' ? undefined : contextNamed(from, globals, config);
    const { meta, tls } = flags.has('docker')
      ? readEndpointFlag(flags.text('docker'), globals, config)
      : endpointFrom(from, globals, config);
    const description = flags.text('description') || (flags.has('from') ? source?.Metadata.Description : undefined);
    const metadata = {
      ...(flags.has('from') ? source?.Metadata : {}),
      ...(description === undefined || description === '' ? {} : { Description: description }),
    };
    store.put({ Name: name, Metadata: metadata, Endpoints: { docker: meta } }, tls);
    said(context, name, 'created');
    return 0;
  },
};

export const contextUpdateCommand: Command = {
  name: 'update',
  summary: 'Update a context',
  usage: 'CONTEXT',
  flags: [descriptionFlag, endpointFlag],
  args: exactly(1),
  async run(context) {
    const { flags, config, globals } = context;
    const [name = ''] = context.args;
    checkContextName(name);
    const store = new ContextStore(config.directory);
    const meta = store.get(name);
    if (flags.has('description')) meta.Metadata.Description = flags.text('description');
    if (flags.has('docker')) {
      const request = readEndpointFlag(flags.text('docker'), globals, config);
      meta.Endpoints.docker = request.meta;
      const { docker: _replaced, ...others } = store.tlsOf(name);
      store.put(meta, { ...others, ...request.tls });
    } else store.put(meta);
    said(context, name, 'updated');
    return 0;
  },
};

export const contextExportCommand: Command = {
  name: 'export',
  summary: 'Export a context to a tar archive FILE or a tar stream on STDOUT',
  usage: 'CONTEXT [FILE|-]',
  flags: [],
  args: { min: 1, max: 2 },
  async run(context) {
    const { config, globals, out, err } = context;
    const [name = '', file = `${name}.dockercontext`] = context.args;
    if (name !== defaultContextName) checkContextName(name);
    const meta = contextNamed(name, globals, config);
    const tls = name === defaultContextName ? {} : new ContextStore(config.directory).tlsOf(name);
    if (file === '-' && out.isTerminal)
      throw new CommandFailure('cowardly refusing to export to a terminal, please specify a file path');
    const archive = await packContext({ meta, tls });
    if (file === '-') {
      await out.writeAndDrain(archive);
      return 0;
    }
    writeNew(file, archive);
    err.line(`Written file "${file}"`);
    return 0;
  },
};

export const contextImportCommand: Command = {
  name: 'import',
  summary: 'Import a context from a tar file',
  usage: 'CONTEXT FILE|-',
  flags: [],
  args: exactly(2),
  async run(context) {
    const [name = '', file = ''] = context.args;
    const store = freshStore(context, name);
    const { meta, tls } = await unpackContext(file);
    store.put({ ...meta, Name: name }, tls);
    said(context, name, 'imported');
    return 0;
  },
};

/** Throws when the name is no name or taken. */
function freshStore({ config }: CommandContext, name: string): ContextStore {
  checkContextName(name);
  const store = new ContextStore(config.directory);
  if (store.has(name)) throw new CommandFailure(`context "${name}" already exists`);
  return store;
}

function said({ out, err }: CommandContext, name: string, what: string): void {
  out.line(name);
  err.line(`Successfully ${what} context "${name}"`);
}

/** It may hold a key: for its owner alone, and never over a file that is there. */
function writeNew(path: string, content: Buffer): void {
  try {
    writeFileSync(path, content, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'file exists' : code === 'ENOENT' ? 'no such file or directory' : message;
    throw new CommandFailure(`open ${path}: ${why}`);
  }
}
