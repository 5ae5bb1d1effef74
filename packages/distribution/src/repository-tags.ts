// The tags of a repository, page by page: what `pull --all-tags` pulls.
import { ContainerError } from '@tscontainer/core/errors';
import { readBody } from './http-exchange.ts';
import { errorFromResponse } from './registry-error.ts';
import type { RegistrySession } from './registry-session.ts';

const maxPages = 1000;
const maxPageBytes = 4 * 1024 * 1024;

/** In the registry's order. Rejects not-found, unauthenticated, unavailable. */
export async function listTags(session: RegistrySession, signal?: AbortSignal): Promise<string[]> {
  const endpoints = await session.endpoints('pull');
  for (const [index, endpoint] of endpoints.entries()) {
    try {
      const tags: string[] = [];
      let target: string | URL | undefined = 'tags/list';
      for (let page = 0; target !== undefined && page < maxPages; page++) {
        const response = await session.send(endpoint, { method: 'GET', target, scope: session.scope('pull'), signal });
        if (response.statusCode !== 200)
          throw await errorFromResponse(`list tags of ${session.reference.path}`, response);
        const text = (await readBody(response, maxPageBytes)).toString();
        tags.push(...((JSON.parse(text) as { tags?: string[] | null }).tags ?? []));
        target = nextPage(String(response.headers['link'] ?? ''), endpoint.base);
      }
      return tags;
    } catch (error) {
      // a loopback registry may speak plain HTTP: the next endpoint is that
      const isAnswer = error instanceof ContainerError && error.reason !== 'network';
      if (isAnswer || index === endpoints.length - 1) throw error;
    }
  }
  return [];
}

/** `</v2/name/tags/list?n=100&last=x>; rel="next"`. */
function nextPage(link: string, base: URL): URL | undefined {
  const path = /<([^>]+)>;\s*rel="?next"?/.exec(link)?.[1];
  return path === undefined ? undefined : new URL(path, base);
}
