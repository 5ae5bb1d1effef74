// A push's way out of this daemon's content store: what distribution's interface asks for, done without a call.
import { createReadStream } from 'node:fs';
import { isNotFound } from '@tscontainer/core/errors';
import type { ContentSource } from '@tscontainer/distribution/image-source';
import type { ContentStore } from '../content/content-store.ts';
import type { Scope } from '../metadata/scope.ts';

/** Read and sent at once. */
const pieceBytes = 256 * 1024;

export function localSource(content: ContentStore, scope: Scope): ContentSource {
  const { namespace } = scope;
  return {
    info: async (digest) => {
      try {
        const { size, labels } = content.info(namespace, digest);
        return { size, labels };
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    read: (digest) => content.read(namespace, digest),
    stream: (digest, offset) =>
      createReadStream(content.readerPath(namespace, digest), { start: offset, highWaterMark: pieceBytes }),
    addLabels: async (digest, labels) => {
      await content.update(
        scope,
        digest,
        labels,
        Object.keys(labels).map((key) => `labels.${key}`),
      );
    },
  };
}
