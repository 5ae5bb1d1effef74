// What a client is told that looks for BuildKit: in answer to POST /build?version=2, and to each call of POST /grpc.
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import { toStatusText } from '@tscontainer/platform/grpc-message';
import { grpcStatusFromCode } from '@tscontainer/platform/grpc-status';

/** Says what to do, since whoever reads it has typed `docker build` and knows of no builders. */
export const noBuildKit =
  'this engine has the classic builder and no BuildKit: set DOCKER_BUILDKIT=0, or use a docker client without buildx';

/**
 * Serves BuildKit's control API as a server without a single service does. A refused upgrade would be clear to no user: of
 * that, docker's clients show the status alone, behind the words of a failed connection.
 */
export function refuseControlCalls(socket: Socket): void {
  const session = http2.performServerHandshake(socket);
  session.on('error', () => socket.destroy());
  session.on('stream', (stream, headers) => {
    stream.on('error', () => undefined); // the caller has left
    stream.resume();
    const answer = {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(grpcStatusFromCode('unimplemented')),
      'grpc-message': toStatusText(`${String(headers[':path']).slice(1)}: ${noBuildKit}`),
    };
    stream.respond(answer, { endStream: true });
  });
}
