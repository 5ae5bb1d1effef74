// `tsctl build`: sends a context to the classic builder and shows what it says.
import { rmSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { readJsonLines } from '@tsctl/client/json-lines';
import { openBuildSource } from '../build-context/context-source.ts';
import { type Command, type CommandContext, exactly } from '../cli/command.ts';
import type { ConfigFile } from '../cli/config-file.ts';
import { credentialsFor } from '../cli/credential-store.ts';
import { CommandFailure } from '../cli/failures.ts';
import { type FlagValues, flag, invalidFlag } from '../cli/flags.ts';
import { openFailure } from '../cli/open-failure.ts';
import { readReference } from '../client/images.ts';
import { keyValues } from '../container-spec/environment.ts';
import { ulimit } from '../container-spec/resources.ts';
import { showProgress } from '../format/progress.ts';
import type { ProgressMessage } from '../format/progress-message.ts';
import { formatSize } from '../format/sizes.ts';

/** Pause between two updates of the sending's line on a terminal. */
const sendingPauseMs = 100;

export const buildCommand: Command = {
  name: 'build',
  summary: 'Build an image from a Dockerfile',
  usage: 'PATH | URL | -',
  flags: [
    flag('list', 'add-host', 'Add a custom host-to-IP mapping (host:ip)'),
    flag('list', 'build-arg', 'Set build-time variables'),
    flag('list', 'cache-from', 'Images to consider as cache sources'),
    flag('string', 'cgroup-parent', 'Optional parent cgroup for the container'),
    flag('bool', 'compress', 'Compress the build context using gzip'),
    flag('int', 'cpu-period', 'Limit the CPU CFS (Completely Fair Scheduler) period'),
    flag('int', 'cpu-quota', 'Limit the CPU CFS (Completely Fair Scheduler) quota'),
    flag('int', 'cpu-shares,c', 'CPU shares (relative weight)'),
    flag('string', 'cpuset-cpus', 'CPUs in which to allow execution (0-3, 0,1)'),
    flag('string', 'cpuset-mems', 'MEMs in which to allow execution (0-3, 0,1)'),
    flag('bool', 'disable-content-trust', 'Skip image verification', 'true'),
    flag('string', 'file,f', "Name of the Dockerfile (Default is 'PATH/Dockerfile')"),
    flag('bool', 'force-rm', 'Always remove intermediate containers'),
    flag('string', 'iidfile', 'Write the image ID to the file'),
    flag('string', 'isolation', 'Container isolation technology'),
    flag('list', 'label', 'Set metadata for an image'),
    flag('bytes', 'memory,m', 'Memory limit'),
    flag('bytes', 'memory-swap', "Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),
    flag('string', 'network', 'Set the networking mode for the RUN instructions during build', 'default'),
    flag('bool', 'no-cache', 'Do not use cache when building the image'),
    flag('string', 'platform', 'Set platform if server is multi-platform capable'),
    flag('bool', 'pull', 'Always attempt to pull a newer version of the image'),
    flag('bool', 'quiet,q', 'Suppress the build output and print image ID on success'),
    flag('bool', 'rm', 'Remove intermediate containers after a successful build', 'true'),
    flag('list', 'security-opt', 'Security options'),
    flag('bytes', 'shm-size', 'Size of /dev/shm'),
    { ...flag('bool', 'squash', 'Squash newly built layers into a single new layer'), hidden: true },
    flag('list', 'tag,t', "Name and optionally a tag in the 'name:tag' format"),
    flag('string', 'target', 'Set the target build stage to build.'),
    flag('ulimit', 'ulimit', 'Ulimit options'),
  ],
  args: exactly(1),
  async run(context) {
    const { flags, args, out, err } = context;
    for (const tag of flags.list('tag')) checkTag(tag);
    const idFile = flags.text('iidfile');
    // a build that fails leaves no id of an earlier one
    if (idFile !== '') rmSync(idFile, { force: true });
    const isQuiet = flags.bool('quiet');
    const kept: string[] = [];
    const sink = isQuiet ? { write: (text: string) => void kept.push(text) } : out;
    try {
      const id = await send(context, args[0] ?? '', sink);
      if (isQuiet) out.write(kept.at(-1) ?? '');
      if (idFile !== '') writeId(idFile, id || (isQuiet ? (kept.at(-1) ?? '').trim() : ''));
      return 0;
    } catch (error) {
      for (const text of kept) err.write(text);
      throw error;
    }
  },
};

function checkTag(tag: string): void {
  try {
    readReference(tag);
  } catch (error) {
    throw invalidFlag('-t, --tag', tag, (error as Error).message);
  }
}

interface TextSink {
  write(text: string): void;
}

/** Resolves with the id that the engine has told, '' when it has told none. */
async function send(context: CommandContext, place: string, sink: TextSink): Promise<string> {
  const { client, flags, config, out } = context;
  const { archive, dockerfile } = await openBuildSource(place, flags.text('file'), process.stdin);
  const isQuiet = flags.bool('quiet');
  const packed = flags.bool('compress') ? archive.compose(createGzip()) : archive;
  const counted = Readable.from(reportSending(packed, sink, out.isTerminal && !isQuiet), { objectMode: false });
  const response = await client.call('POST', '/build', {
    query: queryOf(flags, dockerfile),
    headers: await registryConfigHeaders(config),
    bodyStream: counted,
    contentType: 'application/x-tar',
  });
  let id = '';
  const onAux = (aux: unknown) => {
    id = (aux as { ID?: string }).ID ?? id;
  };
  const lines = readJsonLines<ProgressMessage>(response);
  if (!isQuiet) await showProgress(lines, out, onAux);
  else await showProgress(kept(lines, sink), undefined, onAux);
  return id;
}

async function* kept(lines: AsyncIterable<ProgressMessage>, sink: TextSink): AsyncGenerator<ProgressMessage> {
  for await (const line of lines) {
    if (line.stream !== undefined) sink.write(line.stream);
    yield line;
  }
}

/** Docker's line: rewritten while it grows on a terminal, whole at the end anywhere. */
async function* reportSending(archive: Readable, sink: TextSink, isLive: boolean): AsyncGenerator<Buffer> {
  let sent = 0;
  let lastMs = 0;
  const tell = () => sink.write(`Sending build context to Docker daemon ${formatSize(sent, 4).padStart(8)}\r`);
  for await (const chunk of archive as AsyncIterable<Buffer>) {
    sent += chunk.length;
    if (isLive && Date.now() - lastMs >= sendingPauseMs) {
      lastMs = Date.now();
      tell();
    }
    yield chunk;
  }
  tell();
  sink.write('\r\n');
}

function queryOf(
  flags: FlagValues,
  dockerfile: string,
): Record<string, string | number | readonly string[] | undefined> {
  const number = (name: string) => flags.int(name) || undefined;
  const text = (name: string) => flags.text(name) || undefined;
  const isOn = (name: string) => (flags.bool(name) ? 1 : undefined);
  const ulimits = flags.list('ulimit').map(ulimit);
  const cacheFrom = flags.list('cache-from').flatMap((entry) => entry.split(','));
  return {
    version: 1,
    dockerfile: dockerfile || undefined,
    t: flags.list('tag'),
    extrahosts: flags.list('add-host'),
    securityopt: flags.list('security-opt').length === 0 ? undefined : flags.list('security-opt'),
    q: isOn('quiet'),
    nocache: isOn('no-cache'),
    pull: isOn('pull'),
    rm: flags.bool('rm') ? 1 : 0,
    forcerm: isOn('force-rm'),
    squash: isOn('squash'),
    memory: flags.bytes('memory') || undefined,
    memswap: flags.bytes('memory-swap') || undefined,
    shmsize: flags.bytes('shm-size') || undefined,
    cpushares: number('cpu-shares'),
    cpuperiod: number('cpu-period'),
    cpuquota: number('cpu-quota'),
    cpusetcpus: text('cpuset-cpus'),
    cpusetmems: text('cpuset-mems'),
    cgroupparent: text('cgroup-parent'),
    networkmode: text('network'),
    isolation: text('isolation'),
    platform: text('platform') ?? process.env['DOCKER_DEFAULT_PLATFORM'],
    target: text('target'),
    buildargs: JSON.stringify(Object.fromEntries(flags.list('build-arg').map(buildArg))),
    labels: JSON.stringify(keyValues(flags.list('label'))),
    ...(cacheFrom.length === 0 ? {} : { cachefrom: JSON.stringify(cacheFrom) }),
    ...(ulimits.length === 0 ? {} : { ulimits: JSON.stringify(ulimits) }),
  };
}

/** A name alone takes the value of our own environment; null says that it was mentioned. */
function buildArg(entry: string): [string, string | null] {
  const equals = entry.indexOf('=');
  if (equals >= 0) return [entry.slice(0, equals), entry.slice(equals + 1)];
  return [entry, process.env[entry] ?? null];
}

/** All logins: the engine knows which registries its base images come from. */
async function registryConfigHeaders(config: ConfigFile): Promise<Record<string, string>> {
  const keys = Object.keys({ ...config.content.auths, ...config.content.credHelpers });
  const entries = await Promise.all(keys.map(async (key) => [key, await credentialsFor(config, key)] as const));
  const known = Object.fromEntries(entries.filter(([, auth]) => auth !== undefined));
  if (Object.keys(known).length === 0) return {};
  return { 'X-Registry-Config': Buffer.from(JSON.stringify(known)).toString('base64url') };
}

function writeId(path: string, id: string): void {
  if (id === '') throw new CommandFailure(`Server did not provide an image ID. Cannot write ${path}`);
  try {
    writeFileSync(path, id);
  } catch (error) {
    throw new CommandFailure(`open ${path}: ${openFailure(error)}`);
  }
}
