// Pulls every tag of a repository, one after another, as one answer; ImageManager calls it for a pull without a tag.
import { ContainerError } from '@tscontainer/core/errors';
import { familiarName, type Reference } from '@tscontainer/core/reference';
import { credentialsFor } from '@tscontainer/distribution/credentials';
import type { RegistryHostOptions } from '@tscontainer/distribution/registry-hosts';
import { RegistrySession } from '@tscontainer/distribution/registry-session';
import { listTags } from '@tscontainer/distribution/repository-tags';
import type { PullRequest } from './image-puller.ts';

const newer = 'Status: Downloaded newer image';
const upToDate = 'Status: Image is up to date';

/** `request.reference` has neither tag nor digest. Rejects as a pull does, with what was pulled before it kept. */
export async function pullRepository(
  registries: RegistryHostOptions,
  request: PullRequest,
  pull: (request: PullRequest) => Promise<void>,
): Promise<void> {
  const tags = await tagsOf(registries, request);
  if (tags.length === 0)
    throw new ContainerError('not-found', `no tags found for repository ${familiarName(request.reference)}`);
  let hasNewer = false;
  for (const tag of tags) {
    const reference: Reference = { ...request.reference, tag };
    await pull({
      ...request,
      reference,
      onProgress: (line) => {
        const status = 'status' in line ? String(line.status) : '';
        hasNewer ||= status.startsWith(newer);
        // one word about the whole comes at the end
        if (!status.startsWith(newer) && !status.startsWith(upToDate)) request.onProgress(line);
      },
    });
  }
  request.onProgress({ status: `${hasNewer ? newer : upToDate} for ${familiarName(request.reference)}` });
}

async function tagsOf(registries: RegistryHostOptions, request: PullRequest): Promise<string[]> {
  const session = new RegistrySession(request.reference, {
    ...registries,
    credentials: credentialsFor(request.reference.domain, request.credentials),
  });
  try {
    return await listTags(session, request.signal);
  } finally {
    session.close();
  }
}
