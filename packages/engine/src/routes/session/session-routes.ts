// POST /session and POST /grpc: connections that go on as HTTP/2, one served by the client, one by what would be BuildKit.
import { ContainerError } from '@tscontainer/core/errors';
import type { FastifyInstance } from 'fastify';
import { refuseControlCalls } from '../../builder/control-refusal.ts';
import type { HijackRequest, HijackRoute } from '../../http/hijack.ts';
import type { SessionManager } from '../../sessions/session-manager.ts';

const wantedProtocol = 'h2c';

export function registerSessionRoutes(
  app: FastifyInstance,
  hijackRoutes: HijackRoute[],
  sessions: SessionManager,
): void {
  hijackRoutes.push({
    method: 'POST',
    pattern: /^\/session$/,
    handler: async (request) => {
      const text = (header: string) => String(request.headers[`x-docker-expose-session-${header}`] ?? '');
      const id = text('uuid');
      sessions.checkFree(id);
      checkProtocol(request);
      const methods = text('grpc-method').split(', ');
      sessions.open({ id, name: text('name'), sharedKey: text('sharedkey'), methods }, request.acceptHttp2());
    },
  });
  hijackRoutes.push({
    method: 'POST',
    pattern: /^\/grpc$/,
    handler: async (request) => {
      checkProtocol(request);
      refuseControlCalls(request.acceptHttp2());
    },
  });
  for (const path of ['/session', '/grpc']) app.post(path, refuseWithoutUpgrade);
}

async function refuseWithoutUpgrade(): Promise<never> {
  throw new ContainerError('invalid-argument', 'no upgrade proto in request');
}

function checkProtocol({ headers }: HijackRequest): void {
  if (headers.upgrade !== wantedProtocol)
    throw new ContainerError('invalid-argument', `protocol ${headers.upgrade} not supported`);
}
