// A container's files: archive in both directions, export, changes.
import type { Readable } from 'node:stream';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { extractInto, packContainer, packPath, statPath } from '../../container-files/container-archive.ts';
import { type ChangeKind, changesOf } from '../../container-files/filesystem-changes.ts';
import { encodePathStat } from '../../container-files/path-stat.ts';
import type { EngineContext } from '../../containers/engine-context.ts';
import { type Query, queryBool, queryText } from '../../http/query.ts';

interface ById {
  Params: { id: string };
  Querystring: Query;
}

const tarType = 'application/x-tar';
const statHeader = 'X-Docker-Container-Path-Stat';
const kindNumbers: Record<ChangeKind, number> = { modified: 0, added: 1, deleted: 2 };

export function registerArchiveRoutes(app: FastifyInstance, context: EngineContext): void {
  app.head<ById>('/containers/:id/archive', async (request, reply) => {
    const container = context.index.find(request.params.id);
    const location = await statPath(context, container, pathOf(request.query));
    return reply.code(200).header(statHeader, encodePathStat(location)).send();
  });

  app.get<ById>('/containers/:id/archive', async (request, reply) => {
    const container = context.index.find(request.params.id);
    const { location, tar } = await packPath(context, container, pathOf(request.query));
    context.events.publish('container', 'archive-path', container.id, container.eventAttributes());
    reply.raw.setHeader(statHeader, encodePathStat(location));
    return sendTar(context, reply, tar);
  });

  app.put<ById>('/containers/:id/archive', async (request, reply) => {
    const container = context.index.find(request.params.id);
    await extractInto(context, container, pathOf(request.query), request.raw, {
      keepsTypes: queryBool(request.query, 'noOverwriteDirNonDir'),
      takesContainerUser: queryBool(request.query, 'copyUIDGID'),
    });
    context.events.publish('container', 'extract-to-dir', container.id, container.eventAttributes());
    return reply.code(200).send();
  });

  app.get<ById>('/containers/:id/export', async (request, reply) => {
    const container = context.index.find(request.params.id);
    const tar = await packContainer(context, container);
    context.events.publish('container', 'export', container.id, container.eventAttributes());
    return sendTar(context, reply, tar, 'application/octet-stream');
  });

  app.get<ById>('/containers/:id/changes', async (request) => {
    const changes = await changesOf(context, context.index.find(request.params.id));
    return changes.length === 0 ? null : changes.map(({ path, kind }) => ({ Path: path, Kind: kindNumbers[kind] }));
  });
}

function pathOf(query: Query): string {
  const path = queryText(query, 'path');
  if (path === undefined || path === '')
    throw new ContainerError('invalid-argument', "bad parameter: 'path' cannot be empty");
  if (path.includes('\0')) throw new ContainerError('invalid-argument', "bad parameter: 'path' holds a NUL");
  return path;
}

/** A failure on the way cuts the connection, so that no client takes half an archive for a whole one. */
function sendTar(context: EngineContext, reply: FastifyReply, tar: Readable, type = tarType): FastifyReply {
  reply.hijack();
  const response = reply.raw;
  response.writeHead(200, { 'Content-Type': type });
  tar.on('error', (error) => {
    context.log.warn({ err: errorMessageOf(error) }, 'archive broken off');
    response.destroy();
  });
  response.on('close', () => tar.destroy());
  tar.pipe(response);
  return reply;
}
