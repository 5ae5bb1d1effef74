// `tsctl cp`: files between a container and here, by docker's rules of where a copy ends up.
import { lstatSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, exactly } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { containerPath } from '../client/containers.ts';
import type { EngineClient } from '../client/engine-client.ts';
import { isMissing } from '../client/engine-error.ts';
import { baseName, copiesContent, targetOf } from '../copy/copy-target.ts';
import { packLocal, unpackLocal } from '../copy/local-tar.ts';

interface PathStat {
  name: string;
  size: number;
  mode: number;
  linkTarget: string;
}

/** Go's os.FileMode. */
const goDirectory = 2 ** 31;
const goLink = 2 ** 27;
const hasBit = (mode: number, bit: number) => Math.floor(mode / bit) % 2 === 1;

export const cpCommand: Command = {
  name: 'cp',
  summary: 'Copy files/folders between a container and the local filesystem',
  usage: 'CONTAINER:SRC_PATH DEST_PATH|-\n\ttsctl cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
  flags: [
    flag('bool', 'archive,a', 'Archive mode (copy all uid/gid information)'),
    flag('bool', 'follow-link,L', 'Always follow symbol link in SRC_PATH'),
    flag(
      'bool',
      'quiet,q',
      'Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached',
    ),
  ],
  args: exactly(2),
  completes: 'container',
  async run({ client, flags, args: [source = '', target = ''] }) {
    const from = splitContainer(source);
    const to = splitContainer(target);
    if (from !== undefined && to !== undefined) throw new CommandFailure('copying between containers is not supported');
    if (from === undefined && to === undefined) throw new CommandFailure('must specify at least one container source');
    const followsLinks = flags.bool('follow-link');
    if (from !== undefined) await copyOut(client, from, target, followsLinks);
    else if (to !== undefined) await copyIn(client, source, to, { followsLinks, keepsOwners: flags.bool('archive') });
    return 0;
  },
};

interface ContainerPlace {
  container: string;
  path: string;
}

/** `NAME:PATH`; undefined for a local path, which may hold a colon when it begins with a slash or a dot. */
function splitContainer(text: string): ContainerPlace | undefined {
  const colon = text.indexOf(':');
  if (/^[/.]/.test(text) || colon <= 0) return undefined;
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

async function statInside(client: EngineClient, { container, path }: ContainerPlace): Promise<PathStat | undefined> {
  try {
    const response = await client.call('HEAD', `${containerPath(container)}/archive`, { query: { path } });
    response.resume();
    return statOf(response.headers['x-docker-container-path-stat']);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Docker's one message for both: no such container, or no such path in it. */
function missingPlace(error: unknown, container: string, path: string): unknown {
  return isMissing(error) ? new CommandFailure(`Error: No such container:path: ${container}:${path}`) : error;
}

function statOf(header: string | string[] | undefined): PathStat {
  return JSON.parse(Buffer.from(String(header), 'base64').toString()) as PathStat;
}

async function copyOut(
  client: EngineClient,
  from: ContainerPlace,
  target: string,
  followsLinks: boolean,
): Promise<void> {
  let { path } = from;
  let renamed: string | undefined;
  if (followsLinks) {
    const stat = await statInside(client, from);
    if (stat !== undefined && hasBit(stat.mode, goLink)) {
      renamed = baseName(path);
      path = stat.linkTarget;
    }
  }
  const response = await client
    .call('GET', `${containerPath(from.container)}/archive`, { query: { path } })
    .catch((error) => {
      throw missingPlace(error, from.container, path);
    });
  if (target === '-') {
    for await (const chunk of response)
      if (!process.stdout.write(chunk)) await new Promise<void>((resolve) => process.stdout.once('drain', resolve));
    return;
  }
  const stat = statOf(response.headers['x-docker-container-path-stat']);
  const isDirectory = hasBit(stat.mode, goDirectory);
  const source = { path, isDirectory, name: renamed ?? stat.name };
  const place = targetOf(source, target, localKind(target), (parent) => localKind(parent) === 'directory');
  await unpackLocal(response, stat.name, place);
}

type Kind = 'directory' | 'file' | undefined;

function localKind(path: string): Kind {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : stat.isDirectory() ? 'directory' : 'file';
}

async function copyIn(
  client: EngineClient,
  source: string,
  to: ContainerPlace,
  options: { followsLinks: boolean; keepsOwners: boolean },
): Promise<void> {
  const { container } = to;
  const stat = await statInside(client, to);
  const path = stat !== undefined && hasBit(stat.mode, goLink) ? stat.linkTarget : to.path;
  const resolved = path === to.path ? stat : await statInside(client, { container, path });
  const kind: Kind = resolved === undefined ? undefined : hasBit(resolved.mode, goDirectory) ? 'directory' : 'file';
  const put = (directory: string, bodyStream: NodeJS.ReadableStream) =>
    client
      .status('PUT', `${containerPath(container)}/archive`, {
        query: { path: directory, noOverwriteDirNonDir: true, copyUIDGID: options.keepsOwners || undefined },
        bodyStream,
        contentType: 'application/x-tar',
      })
      .catch((error) => {
        throw missingPlace(error, container, directory);
      });
  if (source === '-') {
    if (kind !== 'directory') throw new CommandFailure(`destination "${container}:${to.path}" must be a directory`);
    await put(path, process.stdin);
    return;
  }
  const local = options.followsLinks
    ? statSync(source, { throwIfNoEntry: false })
    : lstatSync(source, { throwIfNoEntry: false });
  if (local === undefined) throw new CommandFailure(`lstat ${resolve(source)}: no such file or directory`);
  const isDirectory = local.isDirectory() || (copiesContent(source) && statSync(source).isDirectory());
  const place = targetOf({ path: source, isDirectory, name: baseName(source) }, path, kind, () => true);
  await put(place.directory, packLocal(source, place.name, options.followsLinks));
}
