// POST /commit: a container as a new image.
import { ContainerError, isNotFound } from '@tscontainer/core/errors';
import type { FastifyInstance } from 'fastify';
import { type ContainerConfig, configSchema } from '../../containers/container-config.ts';
import { pauseContainer, unpauseContainer } from '../../containers/container-stopper.ts';
import type { EngineContext } from '../../containers/engine-context.ts';
import { decodeObject, readJson } from '../../http/json-body.ts';
import { type Query, queryBool, queryText } from '../../http/query.ts';
import type { ImageManager } from '../../images/image-manager.ts';
import { repoTagOf } from '../../images/image-names.ts';
import { tagName } from '../../images/image-tagger.ts';

export function registerCommitRoutes(app: FastifyInstance, context: EngineContext, images: ImageManager): void {
  app.post<{ Querystring: Query }>('/commit', async (request, reply) => {
    const { query } = request;
    const config = decodeObject(
      configSchema,
      (await readJson(request.raw)) ?? {},
      'Config',
    ) as Partial<ContainerConfig>;
    const container = context.index.find(queryText(query, 'container') ?? '');
    const repository = queryText(query, 'repo') ?? '';
    const name = repository === '' ? undefined : tagName(repository, queryText(query, 'tag'));
    if (container.state.status === 'removing' || container.isDestroyed)
      throw new ContainerError('failed-precondition', `commit ${container.id}: the container is being removed`);
    const base = await images.find(container.settings.imageId).catch((error) => {
      if (isNotFound(error))
        throw new ContainerError('failed-precondition', `commit ${container.id}: its image is gone`, { cause: error });
      throw error;
    });
    const isPausing = queryBool(query, 'pause', true) && container.state.status === 'running';
    if (isPausing) await pauseContainer(context, container);
    let id: string;
    try {
      const { commitContainer } = await import('../../images/image-committer.ts');
      const { changes = [] } = query;
      id = await commitContainer(context, {
        container,
        base,
        config,
        changes: Array.isArray(changes) ? changes : [changes],
        author: queryText(query, 'author') ?? '',
        comment: queryText(query, 'comment') ?? '',
        name,
      });
    } finally {
      if (isPausing && container.state.status === 'paused') await unpauseContainer(context, container);
    }
    images.invalidate();
    const attributes = {
      comment: queryText(query, 'comment') ?? '',
      imageID: id,
      ...(name === undefined ? {} : { imageRef: repoTagOf(name) ?? name }),
    };
    context.events.publish('container', 'commit', container.id, container.eventAttributes(attributes));
    return reply.code(201).send({ Id: id });
  });
}
