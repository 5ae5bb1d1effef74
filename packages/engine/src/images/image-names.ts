// Between containerd's record names and docker's words for them: tags, digests, untagged images.
import { type Digest, isDigest } from '@tscontainer/core/digest';
import { ContainerError } from '@tscontainer/core/errors';
import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '@tscontainer/core/reference';

/** Name of the record that keeps an image without a name, as docker's containerd image store calls it. */
const danglingPrefix = 'moby-dangling@';

/** On the config of an image that a build's step made: the image it was made on, or `scratch`. */
export const buildParentLabel = 'tscontainer.engine/build-parent';

export function danglingName(target: Digest): string {
  return `${danglingPrefix}${target}`;
}

export function isDanglingName(name: string): boolean {
  return name.startsWith(danglingPrefix);
}

/** undefined for names that other clients made and that are no references. */
export function referenceOf(recordName: string): Reference | undefined {
  if (isDanglingName(recordName)) return undefined;
  try {
    return parseReference(recordName);
  } catch {
    return undefined; // `ctr image tag` takes any name
  }
}

/** `busybox:latest`; undefined when the record has no tag. */
export function repoTagOf(recordName: string): string | undefined {
  const reference = referenceOf(recordName);
  if (reference?.tag === undefined) return undefined;
  return familiarReference({ domain: reference.domain, path: reference.path, tag: reference.tag });
}

/** `busybox@sha256:...`. */
export function repoDigestOf(recordName: string, target: Digest): string | undefined {
  const reference = referenceOf(recordName);
  return reference === undefined ? undefined : `${familiarName(reference)}@${target}`;
}

/** The record's name for what a user wrote: `busybox` is `docker.io/library/busybox:latest`. Throws invalid-argument. */
export function recordNameOf(text: string): string {
  const reference = withDefaultTag(parseReference(text));
  return formatReference(reference.digest === undefined ? reference : withoutTag(reference));
}

function withoutTag({ domain, path, digest }: Reference): Reference {
  return { domain, path, ...(digest === undefined ? {} : { digest }) };
}

/** Docker's words; the name as a user would have to write it, with the tag that was meant. */
export function noSuchImage(text: string): ContainerError {
  return new ContainerError('not-found', `No such image: ${shownName(text)}`, { reason: 'no-such-image' });
}

function shownName(text: string): string {
  if (isDigest(text)) return text;
  try {
    return familiarReference(withDefaultTag(parseReference(text)));
  } catch {
    return text; // an id
  }
}
