// GET /images/search: asks a registry's own index (the v1 search that Docker Hub offers), and says so when there is none.
import { ContainerError } from '@tscontainer/core/errors';
import { parseRegistryAuthHeader } from '@tscontainer/distribution/credentials';
import type { RegistryHostOptions } from '@tscontainer/distribution/registry-hosts';
import { RegistrySession } from '@tscontainer/distribution/registry-session';
import type { FastifyInstance } from 'fastify';
import { type Filters, type Query, queryFilters, queryInt, queryText } from '../../http/query.ts';

interface SearchResult {
  name: string;
  description: string;
  star_count: number;
  is_official: boolean;
  is_automated: boolean;
}

export const searchFilters = ['is-automated', 'is-official', 'stars'];

const dockerHub = 'docker.io';
const hubIndex = 'https://index.docker.io';
const defaultLimit = 25;
const maxLimit = 100;
/** A hundred results are some 50 KiB. */
const maxAnswerBytes = 4 * 1024 * 1024;

export function registerSearchRoutes(app: FastifyInstance, registries: RegistryHostOptions): void {
  app.get<{ Querystring: Query }>('/images/search', async ({ query, headers }) => {
    const filters = queryFilters(query, searchFilters);
    const limit = queryInt(query, 'limit') || defaultLimit;
    if (limit < 1 || limit > maxLimit)
      throw new ContainerError('invalid-argument', `limit ${limit} is outside the range of [1, ${maxLimit}]`);
    const keeps = filterOf(filters);
    const auth = headers['x-registry-auth'];
    const credentials = parseRegistryAuthHeader(Array.isArray(auth) ? auth[0] : auth);
    const { domain, term } = splitTerm(queryText(query, 'term') ?? '');
    const session = new RegistrySession({ domain, path: '' }, { ...registries, credentials: async () => credentials });
    try {
      return (await ask(session, domain, term, limit)).filter(keeps);
    } finally {
      session.close();
    }
  });
}

function splitTerm(text: string): { domain: string; term: string } {
  const slash = text.indexOf('/');
  const head = text.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(head) || head === 'localhost';
  return isHost ? { domain: head, term: text.slice(slash + 1) } : { domain: dockerHub, term: text };
}

function filterOf(filters: Filters): (result: SearchResult) => boolean {
  const isOfficial = filters.bool('is-official');
  const isAutomated = filters.bool('is-automated');
  const stars = filters.get('stars').map((text) => {
    if (!/^\d+$/.test(text)) throw new ContainerError('invalid-argument', `invalid filter 'stars=${text}'`);
    return Number(text);
  });
  const minStars = Math.max(0, ...stars);
  return (result) =>
    (isOfficial === undefined || result.is_official === isOfficial) &&
    (isAutomated === undefined || result.is_automated === isAutomated) &&
    result.star_count >= minStars;
}

async function ask(session: RegistrySession, domain: string, term: string, limit: number): Promise<SearchResult[]> {
  const endpoints = await session.endpoints('pull');
  for (const [index, endpoint] of endpoints.entries()) {
    const target = new URL('/v1/search', domain === dockerHub ? hubIndex : endpoint.base.origin);
    target.searchParams.set('q', term);
    target.searchParams.set('n', String(limit));
    try {
      const response = await session.send(endpoint, { method: 'GET', target, scope: '' });
      if (response.statusCode === 200) return resultsOf(await readText(response), domain);
      response.resume();
      throw new ContainerError('internal', `Unexpected status code ${response.statusCode}`, {
        reason: 'search-status',
      });
    } catch (error) {
      // a loopback registry may speak plain HTTP: the next endpoint is that
      if (index === endpoints.length - 1 || (error instanceof ContainerError && error.reason === 'search-status'))
        throw error;
    }
  }
  return [];
}

async function readText(response: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += (chunk as Buffer).length;
    if (length > maxAnswerBytes)
      throw new ContainerError('resource-exhausted', 'search images: the answer is too large');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

function resultsOf(text: string, domain: string): SearchResult[] {
  let results: unknown;
  try {
    results = (JSON.parse(text) as { results?: unknown }).results;
  } catch (error) {
    throw new ContainerError('internal', `search images: the answer of ${domain} is not JSON`, { cause: error });
  }
  return (Array.isArray(results) ? results : []).map((each: Partial<SearchResult>) => ({
    star_count: Number(each.star_count ?? 0),
    is_official: each.is_official === true,
    name: String(each.name),
    is_automated: each.is_automated === true,
    description: String(each.description ?? ''),
  }));
}
