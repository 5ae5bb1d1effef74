// containerd.services.streaming.v1.Streaming: opens the streams that transfers take up by id.
import { ContainerError } from '@tscontainer/core/errors';
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import type { StreamInit } from '@tscontainer/platform/contracts/containerd/services/streaming/v1/streaming';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';
import { type AnyMessage, ServedStream, type StreamRegistry } from '../transfer/stream-registry.ts';
import { scopeOf } from './request-fields.ts';

const file = 'containerd/services/streaming/v1/streaming.proto';
/** What the client's first message is answered with: the stream can be named from now on. */
const acknowledgement: AnyMessage = { typeUrl: 'google.protobuf.Empty', value: Buffer.alloc(0) };

export function streamingService(streams: StreamRegistry): ServedService {
  const init = loadMessage<StreamInit>(file, 'containerd.services.streaming.v1.StreamInit');
  return {
    definition: loadService(file, 'containerd.services.streaming.v1.Streaming'),
    handlers: {
      Stream: async function* (requests: AsyncIterable<AnyMessage>, context: CallContext) {
        const { namespace } = scopeOf(context);
        const incoming = requests[Symbol.asyncIterator]();
        const first = await incoming.next();
        if (first.done) throw new ContainerError('invalid-argument', 'open stream: no message came');
        const { id } = init.decode(first.value.value);
        if (id === '') throw new ContainerError('invalid-argument', 'open stream: id must be set: invalid argument');
        const stream = new ServedStream(incoming);
        streams.add(namespace, id, stream);
        try {
          yield acknowledgement;
          yield* stream.outgoing(context.signal);
        } finally {
          streams.remove(namespace, id);
        }
      },
    },
  };
}
