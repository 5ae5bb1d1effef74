// POST /images/create: pulls through containerd's Transfer service where there is one, else over Content and Snapshots.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError, errorCodeOf } from '@tscontainer/core/errors';
import type { Descriptor, Platform } from '@tscontainer/core/oci-image';
import { familiarReference, formatReference, type Reference } from '@tscontainer/core/reference';
import { credentialsFor, type RegistryCredentials } from '@tscontainer/distribution/credentials';
import { pullImage } from '@tscontainer/distribution/pull';
import { RegistryClient } from '@tscontainer/distribution/registry-client';
import type { RegistryHostOptions } from '@tscontainer/distribution/registry-hosts';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import { containerdSinks } from './containerd-sinks.ts';
import { withLease } from './image-lease.ts';
import { currentTarget, keepUnnamed } from './image-tagger.ts';
import { type ProgressLine, PullReporter } from './pull-reporter.ts';
import { transferPull } from './transfer-pull.ts';

export interface PullRequest {
  /** With a tag or a digest. */
  reference: Reference;
  platform: Platform | undefined;
  credentials: RegistryCredentials | undefined;
  signal: AbortSignal;
  onProgress(line: ProgressLine): void;
}

export interface PullerOptions {
  client: ContainerdClient;
  snapshotter: string;
  registries: RegistryHostOptions;
}

/** Rejects with the registry's refusal, failed-precondition (`digest-mismatch`), cancelled, unavailable. */
export async function pullIntoContainerd(options: PullerOptions, request: PullRequest): Promise<void> {
  const { client, snapshotter } = options;
  const name = formatReference(request.reference);
  const reporter = new PullReporter(request.reference, request.onProgress);
  await withLease(client, 'pull', async (lease) => {
    const before = await currentTarget(client, name);
    const known = before ?? (await namedOtherwise(client, request.reference));
    // the tag may move away from it: it is not to be collected before it has its dangling name
    if (before !== undefined)
      await client.leases.AddResource({ id: lease, resource: { id: before.digest, type: 'content' } });
    await pullBy(options, request, name, lease, reporter);
    const target = await currentTarget(client, name);
    if (target === undefined)
      throw new ContainerError(
        'aborted',
        `pull ${familiarReference(request.reference)}: the image was removed meanwhile`,
      );
    if (before !== undefined) await keepUnnamed(client, snapshotter, lease, name, before, target);
    reporter.finish(target, isChanged(known, target));
  });
}

/** By digest: the image may be here under a tag of the same repository. */
async function namedOtherwise(client: ContainerdClient, reference: Reference): Promise<Descriptor | undefined> {
  const { domain, path, digest } = reference;
  if (digest === undefined) return undefined;
  const { images } = await client.images.List({ filters: [`target.digest==${digest}`] });
  const same = images.find(({ name }) => [':', '@'].some((mark) => name.startsWith(`${domain}/${path}${mark}`)));
  return same?.target ?? undefined;
}

function isChanged(before: Descriptor | undefined, after: Descriptor): boolean {
  return before?.digest !== after.digest;
}

async function pullBy(
  options: PullerOptions,
  request: PullRequest,
  name: string,
  lease: string,
  reporter: PullReporter,
): Promise<void> {
  const { client, snapshotter } = options;
  if (!needsOwnClient(options.registries, request.reference)) {
    try {
      const { platform, credentials, signal } = request;
      const hostDir = hostDirFor(options.registries, request.reference);
      const pull = {
        name,
        platform,
        snapshotter,
        credentials,
        hostDir,
        onEvent: (event: Parameters<PullReporter['event']>[0]) => reporter.event(event),
      };
      return await transferPull(client.connection, pull, { namespace: client.namespace, lease, signal });
    } catch (error) {
      if (errorCodeOf(error) !== 'unimplemented') throw error;
    }
  }
  await pullByClient(options, request, name, lease, reporter);
}

/** What only the engine is configured with, and Transfer's request has no place for. */
function needsOwnClient(registries: RegistryHostOptions, { domain }: Reference): boolean {
  if (domain === 'docker.io') return (registries.mirrors ?? []).length > 0;
  return (registries.insecureRegistries ?? []).includes(domain);
}

/** The directory that has certificates for this registry. */
function hostDirFor({ certificateDirectories = [] }: RegistryHostOptions, { domain }: Reference): string {
  return certificateDirectories.find((directory) => existsSync(join(directory, domain))) ?? '';
}

async function pullByClient(
  options: PullerOptions,
  request: PullRequest,
  name: string,
  lease: string,
  reporter: PullReporter,
): Promise<void> {
  const registry = new RegistryClient(request.reference, {
    ...options.registries,
    credentials: credentialsFor(request.reference.domain, request.credentials),
  });
  try {
    await pullImage(registry, containerdSinks(options.client, options.snapshotter, lease), {
      name,
      platform: request.platform,
      signal: request.signal,
      onEvent: (event) => reporter.event(event),
    });
  } finally {
    registry.close();
  }
}
