// What a registry itself says: the descriptor of an image there, and whether it takes somebody's credentials.
import { ContainerError } from '@tscontainer/core/errors';
import { isIndexType, type Platform } from '@tscontainer/core/oci-image';
import { parseReference, withDefaultTag } from '@tscontainer/core/reference';
import { parseRegistryAuthHeader, toCredentials } from '@tscontainer/distribution/credentials';
import { parseConfig, parseIndex, parseManifest } from '@tscontainer/distribution/image-documents';
import { RegistryClient } from '@tscontainer/distribution/registry-client';
import type { RegistryHostOptions } from '@tscontainer/distribution/registry-hosts';
import { RegistrySession } from '@tscontainer/distribution/registry-session';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { decodeObject, readJson, type Schema } from '../../http/json-body.ts';

export const authSchema: Schema = {
  username: 'string',
  password: 'string',
  auth: 'string',
  email: 'string',
  serveraddress: 'string',
  identitytoken: 'string',
  registrytoken: 'string',
};
/** A config is small; a registry that sends more is not to be read on. */
const maxConfigBytes = 4 * 1024 * 1024;
const dockerHub = 'docker.io';

export function registerDistributionRoutes(app: FastifyInstance, registries: RegistryHostOptions): void {
  app.get<{ Params: { '*': string } }>('/distribution/*', async (request) => {
    const path = request.params['*'];
    if (!path.endsWith('/json')) throw new ContainerError('not-found', 'page not found');
    return inspectRemote(path.slice(0, -'/json'.length), request, registries);
  });

  app.post('/auth', async (request) => {
    const body = decodeObject(authSchema, (await readJson(request.raw)) ?? {}, 'AuthConfig') as Record<string, string>;
    await checkCredentials(body, registries);
    return { Status: 'Login Succeeded', IdentityToken: '' };
  });
}

async function inspectRemote(
  name: string,
  request: FastifyRequest<any>,
  registries: RegistryHostOptions,
): Promise<object> {
  const reference = withDefaultTag(parseReference(name));
  const auth = request.headers['x-registry-auth'];
  const credentials = parseRegistryAuthHeader(Array.isArray(auth) ? auth[0] : auth);
  const client = new RegistryClient(reference, { ...registries, credentials: async () => credentials });
  try {
    const { descriptor, bytes } = await client.fetchManifest(reference.digest ?? reference.tag ?? 'latest');
    const { mediaType, digest, size } = descriptor;
    const platforms = isIndexType(mediaType)
      ? parseIndex(bytes).manifests.flatMap(({ platform }) => (platform === undefined ? [] : [platform]))
      : [await platformOf(client, bytes)];
    return { Descriptor: { mediaType, digest, size }, Platforms: platforms };
  } finally {
    client.close();
  }
}

async function platformOf(client: RegistryClient, manifest: Buffer): Promise<Platform> {
  const { digest } = parseManifest(manifest).config;
  const { body } = await client.openBlob(digest, 0);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += (chunk as Buffer).length;
    if (length > maxConfigBytes) throw new ContainerError('resource-exhausted', `read config ${digest}: too large`);
    chunks.push(chunk as Buffer);
  }
  const { architecture, os, variant } = parseConfig(Buffer.concat(chunks));
  return { architecture, os, ...(variant === undefined ? {} : { variant }) };
}

/** Asks for the registry's base with them. Rejects unauthenticated with docker's words, unavailable. */
async function checkCredentials(config: Record<string, string>, registries: RegistryHostOptions): Promise<void> {
  const address = (config['serveraddress'] ?? '').replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const domain = address === '' || address === 'index.docker.io' ? dockerHub : address;
  const credentials = toCredentials({
    ...(config['username'] === undefined ? {} : { username: config['username'] }),
    ...(config['password'] === undefined ? {} : { password: config['password'] }),
    ...(config['identitytoken'] === undefined ? {} : { identitytoken: config['identitytoken'] }),
    ...(config['registrytoken'] === undefined ? {} : { registrytoken: config['registrytoken'] }),
    ...(config['auth'] === undefined ? {} : { auth: config['auth'] }),
  });
  // a mirror of Docker Hub does not know Docker Hub's users
  const options = { ...registries, mirrors: [], credentials: async () => credentials };
  const session = new RegistrySession({ domain, path: '' }, options);
  try {
    await askBase(session);
  } finally {
    session.close();
  }
}

async function askBase(session: RegistrySession): Promise<void> {
  const endpoints = await session.endpoints('pull');
  for (const [index, endpoint] of endpoints.entries()) {
    try {
      const target = new URL(`${endpoint.base.href.replace(/\/$/, '')}/`);
      const response = await session.send(endpoint, { method: 'GET', target, scope: '' });
      response.resume();
      if (response.statusCode === 200) return;
      throw new ContainerError(
        'unauthenticated',
        `login attempt to ${target.href} failed with status: ${response.statusCode} ${response.statusMessage}`,
      );
    } catch (error) {
      // a loopback registry may speak plain HTTP: the next endpoint is that
      if (index === endpoints.length - 1 || (error instanceof ContainerError && error.code === 'unauthenticated'))
        throw error;
    }
  }
}
