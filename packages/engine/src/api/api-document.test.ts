// The description against the routes, both ways, and against the rules of its own form.
import { describe, expect, it } from 'vitest';
import { createEngineServer } from '../http/engine-server.ts';
import { type RouteParts, registerAllRoutes } from '../routes/all-routes.ts';
import { apiDocument } from './api-document.ts';
import { routeOf } from './operation.ts';
import { allOperations } from './operations/all-operations.ts';

const log = { debug: () => undefined, error: () => undefined } as never;

/** Registration looks at no container: it gets parts that hold what it reads, and no engine behind them. */
function registered(): { routes: string[]; hijacked: { method: string; pattern: RegExp }[] } {
  const server = createEngineServer(log);
  const routes = new Set<string>();
  server.app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) routes.add(`${each} ${url}`);
  });
  const config = { registryMirrors: [], insecureRegistries: [], dataRoot: '/nowhere' };
  const context = { networks: { manager: {} }, volumes: {}, config, log } as unknown as RouteParts['context'];
  const [images, execs, sessions] = [{}, {}, {}] as [RouteParts['images'], RouteParts['execs'], RouteParts['sessions']];
  registerAllRoutes(server, { context, images, execs, sessions });
  return { routes: [...routes], hijacked: server.hijackRoutes };
}

const { routes, hijacked } = registered();
const described = new Set(allOperations.map((operation) => `${operation.method} ${routeOf(operation)}`));

describe('the description', () => {
  it('has every route that is registered', () => {
    expect(routes.filter((route) => !described.has(route))).toEqual([]);
  });

  it('has no route that is not registered', () => {
    expect([...described].filter((route) => !routes.includes(route))).toEqual([]);
  });

  it('says which connections may leave HTTP', () => {
    const leaving = allOperations.filter(({ upgrade }) => upgrade !== undefined);
    for (const { method, pattern } of hijacked) {
      const matching = allOperations.filter(
        (operation) => operation.method === method && pattern.test(operation.path.replace(/\{\w+\}/g, 'x')),
      );
      expect(matching.map(({ id }) => id)).toHaveLength(1);
      expect(leaving).toContain(matching[0]);
    }
    expect(leaving).toHaveLength(hijacked.length);
  });

  it('names each operation once and tells what it does', () => {
    const ids = allOperations.map(({ id }) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    for (const operation of allOperations) {
      expect(operation.summary).not.toBe('');
      for (const { text } of Object.values(operation.query ?? {})) expect(text).not.toBe('');
    }
  });
});

describe('the document', () => {
  const document = apiDocument('1.44') as {
    servers: { url: string }[];
    components: { schemas: Record<string, any> };
  };

  it('speaks the version that it was asked in', () => {
    expect(document.servers[0]?.url).toBe('/v1.44');
  });

  it('refers to nothing that is not in it', () => {
    const names = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/([\w.]+)/g)].map((match) => match[1]);
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name) => document.components.schemas[name ?? ''] === undefined)).toEqual([]);
  });

  it('describes bodies by what reads them', () => {
    const { ContainerCreateBody, HostConfigBody } = document.components.schemas;
    expect(ContainerCreateBody.properties.Cmd.anyOf).toContainEqual({ type: 'array', items: { type: 'string' } });
    expect(ContainerCreateBody.properties.HostConfig.anyOf[0]).toEqual({ $ref: '#/components/schemas/HostConfigBody' });
    expect(HostConfigBody.properties.Memory).toMatchObject({ type: ['integer', 'null'] });
  });
});
