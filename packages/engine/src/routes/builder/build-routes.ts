// POST /build, /build/prune and /build/cancel: the classic builder's face.
import { ContainerError } from '@tscontainer/core/errors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorLine } from '../../builder/build-failure.ts';
import type { EngineContext } from '../../containers/engine-context.ts';
import { isAtLeast } from '../../http/api-version.ts';
import { type Query, queryFilters, queryInt, queryText } from '../../http/query.ts';
import type { ImageManager } from '../../images/image-manager.ts';
import { openLateLines } from '../images/late-lines.ts';

/** Of BuildKit's cache, which is never there. */
export const cachePruneFilters = [
  'until',
  'id',
  'parent',
  'type',
  'description',
  'inuse',
  'shared',
  'private',
  'unused-for',
  'label',
  'label!',
] as const;

type BuildCall = FastifyRequest<{ Querystring: Query }>;

/** The builder is loaded when first used: an idle engine does without it. */
export function registerBuildRoutes(app: FastifyInstance, context: EngineContext, images: ImageManager): void {
  /** Builds that can be cancelled by the id that their client gave them. */
  const running = new Map<string, AbortController>();

  app.post<{ Querystring: Query }>('/build', (request, reply) => buildRoute(context, images, running, request, reply));

  app.post<{ Querystring: Query }>('/build/prune', async ({ query }) => {
    queryFilters(query, cachePruneFilters);
    queryInt(query, 'keep-storage');
    // the classic builder's cache are images: POST /images/prune takes those
    context.events.publish('builder', 'prune', '', { reclaimed: '0' });
    return { CachesDeleted: null, SpaceReclaimed: 0 };
  });

  app.post<{ Querystring: Query }>('/build/cancel', async ({ query }, reply) => {
    const id = queryText(query, 'id') ?? '';
    if (id === '') throw new ContainerError('invalid-argument', 'build ID not provided');
    running.get(id)?.abort();
    return reply.code(200).type('application/json').send();
  });
}

async function buildRoute(
  context: EngineContext,
  images: ImageManager,
  running: Map<string, AbortController>,
  request: BuildCall,
  reply: FastifyReply,
): Promise<void> {
  const [{ decodeBuildRequest }, { buildImage }, { BuildOutput }] = await Promise.all([
    import('../../builder/build-request.ts'),
    import('../../builder/image-builder.ts'),
    import('../../builder/build-output.ts'),
  ]);
  const header = request.headers['x-registry-config'];
  const wanted = decodeBuildRequest(request.query, request.apiVersion, Array.isArray(header) ? header[0] : header);
  const lines = openLateLines(request, reply);
  const cancel = new AbortController();
  const output = new BuildOutput(lines, {
    isQuiet: wanted.isQuiet,
    hasAux: isAtLeast(request.apiVersion, '1.30'),
    signal: AbortSignal.any([lines.signal, cancel.signal]),
  });
  if (wanted.buildId !== '') running.set(wanted.buildId, cancel);
  try {
    await lines.during(async () => {
      try {
        output.result(await buildImage({ context, images }, wanted, request.raw, output));
      } catch (error) {
        output.flush();
        throw error;
      }
    }, errorLine);
  } finally {
    if (running.get(wanted.buildId) === cancel) running.delete(wanted.buildId);
  }
}
