// Gives names to images: a name that moves away leaves its old image reachable, without a name, as docker does.
import { ContainerError, isNotFound } from '@tscontainer/core/errors';
import type { Descriptor } from '@tscontainer/core/oci-image';
import { formatReference, parseReference, withDefaultTag } from '@tscontainer/core/reference';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import { containerdSinks } from './containerd-sinks.ts';
import { danglingName } from './image-names.ts';

/** The target that `name` has now. */
export async function currentTarget(client: ContainerdClient, name: string): Promise<Descriptor | undefined> {
  try {
    const { image } = await client.images.Get({ name });
    return image?.target ?? undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Points `name` at `target`. The image it pointed at before is kept under a dangling name if nothing else names it. */
export async function nameImage(
  client: ContainerdClient,
  snapshotter: string,
  lease: string,
  name: string,
  target: Descriptor,
): Promise<void> {
  const before = await currentTarget(client, name);
  const { images } = containerdSinks(client, snapshotter, lease);
  if (before !== undefined) await keepUnnamed(client, snapshotter, lease, name, before, target);
  if (before?.digest !== target.digest) await images.put(name, target, {});
  await client.images.Delete({ name: danglingName(target.digest) }).catch((error) => {
    if (!isNotFound(error)) throw error;
  });
}

/** To be called before `name` moves from `before`, or while a lease holds `before`. */
export async function keepUnnamed(
  client: ContainerdClient,
  snapshotter: string,
  lease: string,
  name: string,
  before: Descriptor,
  after: Descriptor | undefined,
): Promise<void> {
  if (before.digest === after?.digest) return;
  const { images: others } = await client.images.List({ filters: [`target.digest==${before.digest}`] });
  if (others.some((other) => other.name !== name)) return;
  await containerdSinks(client, snapshotter, lease).images.put(danglingName(before.digest), before, {});
}

/** The record name of a new tag. Throws invalid-argument. */
export function tagName(repository: string, tag: string | undefined): string {
  if (repository === '')
    throw new ContainerError(
      'invalid-argument',
      'invalid reference format: repository name must have at least one component',
    );
  const base = parseReference(repository);
  if (base.digest !== undefined)
    throw new ContainerError('invalid-argument', 'refusing to create a tag with a digest reference');
  const reference =
    tag === undefined || tag === ''
      ? withDefaultTag(base)
      : parseReference(`${repository.replace(/:[^/:]*$/, '')}:${tag}`);
  return formatReference(reference);
}
