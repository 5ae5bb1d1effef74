// The REST face of images: queries in, docker's JSON and streams out. Names may hold slashes, so paths end in a wildcard.
import { pipeline } from 'node:stream/promises';
import { ContainerError } from '@tscontainer/core/errors';
import { parseReference, type Reference } from '@tscontainer/core/reference';
import { parseRegistryAuthHeader } from '@tscontainer/distribution/credentials';
import { parsePlatform } from '@tscontainer/distribution/platform-match';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isAtLeast } from '../../http/api-version.ts';
import { type Query, queryBool, queryFilters, queryText } from '../../http/query.ts';
import { openSource } from '../../images/image-importer.ts';
import { listFilterNames } from '../../images/image-list.ts';
import type { ImageManager } from '../../images/image-manager.ts';
import { tagName } from '../../images/image-tagger.ts';
import { sharedSize, toHistory, toInspect, toSummary } from '../../images/image-views.ts';
import { openLateLines } from './late-lines.ts';

type Wildcard = { Params: { '*': string }; Querystring: Query };

export const imagePruneFilters = ['dangling', 'until', 'label', 'label!'];

const notFound = () => new ContainerError('not-found', 'page not found');

/** `library/x/json` is image `library/x`, action `json`. */
function splitAction(request: FastifyRequest<Wildcard>): { name: string; action: string } {
  const path = request.params['*'];
  const slash = path.lastIndexOf('/');
  if (slash <= 0) throw notFound();
  return { name: path.slice(0, slash), action: path.slice(slash + 1) };
}

/** For each image how many containers there are of it. */
type ImageUsers = () => ReadonlyMap<string, number>;

export function registerImageRoutes(app: FastifyInstance, images: ImageManager, usersOf: ImageUsers): void {
  app.get<{ Querystring: Query }>('/images/json', (request) => listRoute(images, usersOf, request));
  app.get<{ Querystring: Query }>('/images/get', (request, reply) =>
    saveRoute(images, namesOf(request.query), request, reply),
  );
  app.get<Wildcard>('/images/*', async (request, reply) => {
    const { name, action } = splitAction(request);
    if (action === 'json') return toInspect(await images.find(name), images.snapshotter, request.apiVersion);
    if (action === 'history') return historyOf(images, name);
    if (action === 'get') return saveRoute(images, [name], request, reply);
    throw notFound();
  });
  app.post<{ Querystring: Query }>('/images/create', (request, reply) =>
    queryText(request.query, 'fromImage') ? pullRoute(images, request, reply) : importRoute(images, request, reply),
  );
  app.post<{ Querystring: Query }>('/images/load', (request, reply) => loadRoute(images, request, reply));
  app.post<{ Querystring: Query }>('/images/prune', (request) => pruneRoute(images, request.query));
  app.post<Wildcard>('/images/*', async (request, reply) => {
    const { name, action } = splitAction(request);
    if (action === 'push') return pushRoute(images, name, request, reply);
    if (action !== 'tag') throw notFound();
    await images.tag(name, queryText(request.query, 'repo') ?? '', queryText(request.query, 'tag'));
    return reply.code(201).send();
  });
  app.delete<Wildcard>('/images/*', (request) =>
    images.remove(request.params['*'], {
      isForced: queryBool(request.query, 'force'),
      keepsParents: queryBool(request.query, 'noprune'),
    }),
  );
}

async function historyOf(images: ImageManager, name: string): Promise<object[]> {
  const image = await images.find(name);
  return toHistory(image, await images.catalog.ancestors(image));
}

async function listRoute(
  images: ImageManager,
  usersOf: ImageUsers,
  request: FastifyRequest<{ Querystring: Query }>,
): Promise<object[]> {
  const { query, apiVersion } = request;
  const found = await images.list(queryFilters(query, listFilterNames), { isAll: queryBool(query, 'all') });
  const all = queryBool(query, 'shared-size') ? await images.catalog.all() : undefined;
  const users = isAtLeast(apiVersion, '1.51') ? usersOf() : undefined; // not counted before
  return found.map((image) => {
    const summary = toSummary(image, apiVersion);
    if (users !== undefined) summary.Containers = users.get(image.details.id) ?? 0;
    return all === undefined ? summary : { ...summary, SharedSize: sharedSize(image, all) };
  });
}

/** Go's url.Values: `names` may be repeated, and each may hold several, comma separated. */
function namesOf(query: Query): string[] {
  const { names } = query;
  const list = (Array.isArray(names) ? names : [names ?? ''])
    .flatMap((entry) => entry.split(','))
    .filter((name) => name !== '');
  if (list.length === 0) throw new ContainerError('invalid-argument', 'save images: names is missing');
  return list;
}

async function saveRoute(
  images: ImageManager,
  names: string[],
  _request: FastifyRequest<any>,
  reply: FastifyReply,
): Promise<void> {
  const abort = new AbortController();
  reply.raw.on('close', () => abort.abort());
  const archive = await images.save(names, abort.signal);
  reply.hijack();
  reply.raw.writeHead(200, { 'Content-Type': 'application/x-tar' });
  await pipeline(archive, reply.raw).catch(() => reply.raw.destroy()); // the status is out: only a broken connection can tell
}

async function pruneRoute(images: ImageManager, query: Query): Promise<object> {
  const filters = queryFilters(query, imagePruneFilters);
  const isDanglingOnly = filters.bool('dangling') ?? true;
  const values = JSON.stringify({
    ...(isDanglingOnly ? { dangling: ['true'] } : {}),
    ...(filters.has('until') ? { until: filters.get('until') } : {}),
    ...(filters.has('label') ? { label: filters.get('label') } : {}),
  });
  const unwanted = filters.get('label!');
  const candidates = (await images.list(queryFilters({ filters: values }, listFilterNames))).filter((image) => {
    const labels = image.details.config.config?.Labels ?? {};
    return !unwanted.some((entry) =>
      entry.includes('=')
        ? labels[entry.slice(0, entry.indexOf('='))] === entry.slice(entry.indexOf('=') + 1)
        : entry in labels,
    );
  });
  const { rows, bytes } = await images.prune(candidates);
  return { ImagesDeleted: rows.length === 0 ? null : rows, SpaceReclaimed: bytes };
}

/** Throws invalid-argument. Neither tag nor digest: every tag is meant. */
function pulledReference(query: Query): Reference {
  const image = queryText(query, 'fromImage') ?? '';
  const tag = queryText(query, 'tag') ?? '';
  if (image === '') throw new ContainerError('invalid-argument', 'create image: fromImage or fromSrc is needed');
  if (tag === '') return parseReference(image);
  return parseReference(tag.includes(':') ? `${image}@${tag}` : `${image}:${tag}`);
}

async function pullRoute(
  images: ImageManager,
  request: FastifyRequest<{ Querystring: Query }>,
  reply: FastifyReply,
): Promise<void> {
  const { query } = request;
  const reference = pulledReference(query);
  const platform = queryText(query, 'platform');
  const credentials = credentialsOf(request);
  const isAll = reference.tag === undefined && reference.digest === undefined;
  const pull: ImageManager['pull'] = (each) => (isAll ? images.pullAll(each) : images.pull(each));
  const lines = openLateLines(request, reply);
  await lines.during(() =>
    pull({
      reference,
      platform: platform ? parsePlatform(platform) : undefined,
      credentials,
      signal: lines.signal,
      onProgress: (line) => lines.write(line),
    }),
  );
}

async function loadRoute(
  images: ImageManager,
  request: FastifyRequest<{ Querystring: Query }>,
  reply: FastifyReply,
): Promise<void> {
  const isQuiet = queryBool(request.query, 'quiet', true);
  const lines = openLateLines(request, reply);
  const layer = (id: string, total: number) =>
    lines.write({ status: 'Loading layer', progressDetail: { current: total, total }, id });
  await lines.during(async () => {
    const loaded = await images.load(request.raw, isQuiet ? undefined : { layer });
    for (const { id, tags } of loaded) {
      if (tags.length === 0) lines.write({ stream: `Loaded image ID: ${id}\n` });
      for (const tag of tags) lines.write({ stream: `Loaded image: ${tag}\n` });
    }
  });
}

function credentialsOf(request: FastifyRequest<any>) {
  const auth = request.headers['x-registry-auth'];
  return parseRegistryAuthHeader(Array.isArray(auth) ? auth[0] : auth);
}

async function pushRoute(
  images: ImageManager,
  name: string,
  request: FastifyRequest<{ Querystring: Query }>,
  reply: FastifyReply,
): Promise<void> {
  const credentials = credentialsOf(request);
  const lines = openLateLines(request, reply);
  await lines.during(() =>
    images.push({
      name,
      tag: queryText(request.query, 'tag') || undefined,
      credentials,
      signal: lines.signal,
      onProgress: (line) => lines.write(line),
    }),
  );
}

/** `fromSrc=-`: the tar is the body; else it is fetched. */
async function importRoute(
  images: ImageManager,
  request: FastifyRequest<{ Querystring: Query }>,
  reply: FastifyReply,
): Promise<void> {
  const { query } = request;
  const from = queryText(query, 'fromSrc') ?? '';
  if (from === '') throw new ContainerError('invalid-argument', 'create image: fromImage or fromSrc is needed');
  const repository = queryText(query, 'repo') ?? '';
  const platform = queryText(query, 'platform');
  const { changes = [] } = query;
  const lines = openLateLines(request, reply);
  await lines.during(async () => {
    const name = repository === '' ? undefined : tagName(repository, queryText(query, 'tag'));
    if (from !== '-') lines.write({ status: `Downloading from ${from}` });
    const id = await images.import({
      source: from === '-' ? request.raw : await openSource(from, lines.signal),
      name,
      message: queryText(query, 'message') || `Imported from ${from}`,
      changes: Array.isArray(changes) ? changes : [changes],
      platform: platform ? parsePlatform(platform) : undefined,
    });
    lines.write({ status: id });
  });
}
