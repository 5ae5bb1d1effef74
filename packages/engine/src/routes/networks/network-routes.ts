// The predefined networks: bridge, host and none can be looked at; making others is refused.
import { ContainerError } from '@tscontainer/core/errors';
import type { FastifyInstance } from 'fastify';
import { networkId } from '../../containers/container-views.ts';
import type { EngineContext } from '../../containers/engine-context.ts';
import { nowText } from '../../go-time.ts';
import { type Query, queryFilters } from '../../http/query.ts';

const drivers: Record<string, string> = { bridge: 'bridge', host: 'host', none: 'null' };

export function registerNetworkRoutes(app: FastifyInstance, context: EngineContext): void {
  const created = nowText();

  const view = (name: string, hasContainers: boolean) => ({
    Name: name,
    Id: networkId(name),
    Created: created,
    Scope: 'local',
    Driver: drivers[name],
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: null },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: hasContainers ? containersOf(name) : {},
    Options: {},
    Labels: {},
  });

  const containersOf = (name: string) => {
    const attached = context.index
      .values()
      .filter(
        (container) =>
          container.isRunning && container.settings.hostConfig.NetworkMode.replace('default', 'bridge') === name,
      );
    return Object.fromEntries(
      attached.map((container) => [
        container.id,
        { Name: container.name, EndpointID: '', MacAddress: '', IPv4Address: '', IPv6Address: '' },
      ]),
    );
  };

  const find = (text: string) => {
    const name = Object.keys(drivers).find(
      (candidate) => candidate === text || (text.length >= 12 && networkId(candidate).startsWith(text)),
    );
    if (name === undefined) throw new ContainerError('not-found', `network ${text} not found`);
    return name;
  };

  app.get<{ Querystring: Query }>('/networks', async (request) => {
    const filters = queryFilters(request.query, ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']);
    return Object.keys(drivers)
      .filter(
        (name) =>
          filters.matches('name', (text) => name.includes(text)) &&
          filters.matches('id', (text) => networkId(name).startsWith(text)),
      )
      .filter(
        (name) =>
          filters.matches('driver', (text) => drivers[name] === text) &&
          filters.matches('scope', (text) => text === 'local'),
      )
      .filter(
        () =>
          filters.matches('type', (text) => text === 'builtin') &&
          !filters.has('label') &&
          filters.bool('dangling') !== true,
      )
      .map((name) => view(name, false));
  });

  app.get<{ Params: { id: string } }>('/networks/:id', async (request) => view(find(request.params.id), true));

  const refuse = async () => {
    throw new ContainerError(
      'unimplemented',
      'networks other than bridge, host and none are not supported by this engine',
    );
  };
  app.post('/networks/create', refuse);
  app.post('/networks/:id/connect', refuse);
  app.post('/networks/:id/disconnect', refuse);
  app.delete<{ Params: { id: string } }>('/networks/:id', async (request) => {
    throw new ContainerError(
      'permission-denied',
      `${find(request.params.id)} is a pre-defined network and cannot be removed`,
    );
  });
  app.post('/networks/prune', async () => ({ NetworksDeleted: null }));
}
