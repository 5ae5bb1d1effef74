// Bytes over a client's stream, as containerd's clients send and take them: the receiver grants a window, the sender fills it.
import { ContainerError } from '@tscontainer/core/errors';
import { loadMessage } from '@tscontainer/platform/contract-loader';
import type { Data, WindowUpdate } from '@tscontainer/platform/contracts/containerd/types/transfer/streaming';
import type { ServedStream } from './stream-registry.ts';

const file = 'containerd/types/transfer/streaming.proto';
/** containerd's own senders read so much at a time. */
const pieceBytes = 32 * 1024;
/** Granted at once, and again when half of it is used: what waits here for a slow disk. */
const windowBytes = 1024 * 1024;

const dataMessage = () => loadMessage<Data>(file, 'containerd.types.transfer.Data');
const windowMessage = () => loadMessage<WindowUpdate>(file, 'containerd.types.transfer.WindowUpdate');

/** What the client sends, until it closes the stream. Rejects invalid-argument for anything but data. */
export async function* receiveBytes(stream: ServedStream): AsyncGenerator<Buffer> {
  const [data, window] = [dataMessage(), windowMessage()];
  const grant = (update: number) => stream.send({ typeUrl: window.typeName, value: window.encode({ update }) });
  let left = windowBytes;
  grant(windowBytes);
  for (let message = await stream.next(); message !== undefined; message = await stream.next()) {
    if (!message.typeUrl.endsWith(data.typeName))
      throw new ContainerError('invalid-argument', `receive bytes: ${message.typeUrl} is no data`);
    const bytes = Buffer.from(data.decode(message.value).data);
    left -= bytes.length;
    yield bytes;
    if (left > windowBytes / 2) continue;
    grant(windowBytes - left);
    left = windowBytes;
  }
}

/** Sends all of `chunks`, as fast as the client grants. Rejects unavailable when it goes away. The caller closes. */
export async function sendBytes(stream: ServedStream, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const [data, window] = [dataMessage(), windowMessage()];
  let granted = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      while (granted <= 0) {
        const message = await stream.receive();
        if (message.typeUrl.endsWith(window.typeName)) granted += window.decode(message.value).update;
      }
      const piece = chunk.subarray(at, at + Math.min(pieceBytes, granted));
      stream.send({ typeUrl: data.typeName, value: data.encode({ data: Buffer.from(piece) }) });
      granted -= piece.length;
      at += piece.length;
    }
  }
}
