// Plugins: the answers of an engine that has none and installs none.
import { ContainerError } from '@tscontainer/core/errors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Query, queryFilters } from '../../http/query.ts';

type Wildcard = { Params: { '*': string } };

function notFound(request: FastifyRequest<Wildcard>): never {
  const path = request.params['*'];
  const name = path.replace(/\/(json|enable|disable|set|upgrade|push)$/, '');
  throw new ContainerError('not-found', `plugin ${JSON.stringify(name)} not found`);
}

function refuseInstallation(): never {
  throw new ContainerError('unimplemented', 'managed plugins are not supported by this engine');
}

export const pluginFilters = ['capability', 'enabled'];

export function registerPluginRoutes(app: FastifyInstance): void {
  app.get<{ Querystring: Query }>('/plugins', async (request) => {
    queryFilters(request.query, pluginFilters);
    return [];
  });
  // what dockerd answers for a plugin that it cannot reach: nothing to ask for; the installation is refused
  app.get('/plugins/privileges', async () => []);
  app.post('/plugins/pull', async () => refuseInstallation());
  app.post('/plugins/create', async () => refuseInstallation());
  for (const method of ['GET', 'POST', 'DELETE'] as const)
    app.route<Wildcard>({ method, url: '/plugins/*', handler: async (request) => notFound(request) });
}
