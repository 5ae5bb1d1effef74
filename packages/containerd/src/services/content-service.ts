// containerd.services.content.v1.Content.
import { open } from 'node:fs/promises';
import { ContainerError } from '@tscontainer/core/errors';
import { loadService } from '@tscontainer/platform/contract-loader';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';
import type { ContentInfo, ContentStore } from '../content/content-store.ts';
import type { Daemon } from '../daemon.ts';
import { type WriteRequest, writeContent } from './content-write.ts';
import { inBatches, type MaskedRequest, maskOf, required, scopeOf } from './request-fields.ts';

const infosPerMessage = 100;
const readChunkBytes = 1024 * 1024;

interface ReadRequest {
  digest: string;
  /** Bytes. */
  offset: number;
  /** Bytes; 0 is to the end. */
  size: number;
}

export function contentService({ content, publisher }: Pick<Daemon, 'content' | 'publisher'>): ServedService {
  return {
    definition: loadService('containerd/services/content/v1/content.proto', 'containerd.services.content.v1.Content'),
    handlers: {
      Info: async ({ digest }: { digest: string }, context: CallContext) => ({
        info: content.info(scopeOf(context).namespace, digest),
      }),
      Update: async (request: MaskedRequest & { info: ContentInfo | null }, context: CallContext) => {
        const { digest, labels } = required(request.info, 'info');
        return { info: await content.update(scopeOf(context), digest, labels, maskOf(request)) };
      },
      List: async function* ({ filters }: { filters: string[] }, context: CallContext) {
        const infos = [...content.walk(scopeOf(context).namespace, filters)];
        for (const info of inBatches(infos, infosPerMessage)) yield { info };
      },
      Delete: async ({ digest }: { digest: string }, context: CallContext) => {
        const scope = scopeOf(context);
        await content.delete(scope, digest);
        publisher.publish(scope.namespace, '/content/delete', 'containerd.events.ContentDelete', { digest });
        return {};
      },
      Read: (request: ReadRequest, context: CallContext) => read(content, request, context),
      Status: async ({ ref }: { ref: string }, context: CallContext) => ({
        status: content.status(scopeOf(context).namespace, ref),
      }),
      ListStatuses: async ({ filters }: { filters: string[] }, context: CallContext) => ({
        statuses: content.statuses(scopeOf(context).namespace, filters),
      }),
      Write: async function* (requests: AsyncIterable<WriteRequest>, context: CallContext) {
        const scope = scopeOf(context);
        for await (const response of writeContent(content, scope, requests)) {
          if (response.action === 'COMMIT') {
            publisher.publish(scope.namespace, '/content/create', 'containerd.events.ContentCreate', {
              digest: response.digest,
              size: response.offset,
            });
          }
          yield response;
        }
      },
      Abort: async ({ ref }: { ref: string }, context: CallContext) => {
        content.abort(scopeOf(context), ref);
        return {};
      },
    },
  };
}

async function* read(content: ContentStore, request: ReadRequest, context: CallContext): AsyncIterable<unknown> {
  const { namespace } = scopeOf(context);
  const { digest, offset, size } = request;
  const total = content.info(namespace, digest).size;
  if (offset < 0)
    throw new ContainerError(
      'invalid-argument',
      `read content ${digest}: offset ${offset} is negative: invalid argument`,
    );
  if (offset > total) throw new ContainerError('out-of-range', `read past object length ${total} bytes`);
  if (size < 0 || offset + size > total)
    throw new ContainerError('out-of-range', `read past object length ${total} bytes`);
  const end = size === 0 ? total : offset + size;
  const file = await open(content.readerPath(namespace, digest));
  try {
    for (let at = offset; at < end; ) {
      const data = Buffer.allocUnsafe(Math.min(readChunkBytes, end - at));
      const { bytesRead } = await file.read(data, 0, data.length, at);
      if (bytesRead === 0)
        throw new ContainerError('data-loss', `read content ${digest}: file ends at ${at} of ${total} bytes`);
      yield { offset: at, data: data.subarray(0, bytesRead) };
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}
