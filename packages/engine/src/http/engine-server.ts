// The fastify instance that serves the Engine API: versions, headers, errors, traces and bodies are settled here.
import http from 'node:http';
import type { Logger } from '@tscontainer/platform/logger';
import { runInTrace, traceparentHeader } from '@tscontainer/platform/trace';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { checkVersion, compareVersions, maxApiVersion, minApiVersion, splitVersion } from './api-version.ts';
import { type HijackRoute, serveUpgrades } from './hijack.ts';
import { errorBodyOf, httpStatusOf } from './http-status.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** `1.41`: what the client's path asked for, else the newest. */
    apiVersion: string;
  }
}

export interface EngineServer {
  app: FastifyInstance;
  /** Connections that leave HTTP, matched before the routes. */
  hijackRoutes: HijackRoute[];
  /** A server for one listening socket; call after the routes are registered. */
  createHttpServer(): Promise<http.Server>;
}

/** Longest header block, in bytes: X-Registry-Auth can be large. */
const maxHeaderBytes = 64 * 1024;

export function createEngineServer(log: Logger): EngineServer {
  let routing: http.RequestListener | undefined;
  const app = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    routerOptions: { ignoreTrailingSlash: true },
    rewriteUrl: (request) => splitVersion(request.url ?? '/').path,
    serverFactory: (handler) => {
      routing = handler as http.RequestListener;
      return http.createServer();
    },
  });
  app.decorateRequest('apiVersion', '');
  takeBodiesAsStreams(app);
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.setHeader('Api-Version', maxApiVersion);
    reply.raw.setHeader('Docker-Experimental', 'false');
    reply.raw.setHeader('Ostype', 'linux');
    reply.raw.setHeader('Server', 'Docker/28.5.2 (linux)');
    request.apiVersion = splitVersion(request.originalUrl).version;
    runInTrace(headerText(request.headers[traceparentHeader]), () => {
      log.debug({ method: request.method, url: request.originalUrl }, 'request');
      try {
        checkVersion(request.apiVersion);
        done();
      } catch (error) {
        done(error as Error);
      }
    });
  });
  // docker's client compares the whole value: with fastify's `; charset=utf-8` it shows an error's JSON instead of its text
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (String(reply.getHeader('content-type')).startsWith('application/json'))
      reply.header('content-type', 'application/json');
    done(null, payload);
  });
  answerErrors(app, log);
  const hijackRoutes: HijackRoute[] = [];
  return {
    app,
    hijackRoutes,
    createHttpServer: async () => {
      await app.ready();
      const server = http.createServer(
        { maxHeaderSize: maxHeaderBytes, keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 },
        routing,
      );
      server.timeout = 0;
      serveUpgrades(server, hijackRoutes);
      return server;
    },
  };
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Handlers read bodies themselves: JSON is small, tar streams are not, and clients send odd content types. */
function takeBodiesAsStreams(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

/** Bound of the time that a refused body is read for. */
const drainMs = 2000;

async function drain(request: http.IncomingMessage): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, drainMs);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    request.once('end', done).once('close', done);
    request.resume();
  });
}

function answerErrors(app: FastifyInstance, log: Logger): void {
  app.options('*', async (_request, reply) => reply.code(200).send());
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ message: 'page not found' }));
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const status = typeof error.statusCode === 'number' ? error.statusCode : httpStatusOf(error);
    log[status >= 500 ? 'error' : 'debug'](
      { method: request.method, url: request.originalUrl, status, err: error.message },
      'request failed',
    );
    if (!request.raw.complete) {
      // the sender of a body that was not read to its end looks at the answer only after it
      await drain(request.raw);
      if (!request.raw.complete) reply.header('connection', 'close');
    }
    if (status === 304) return reply.code(304).send();
    // clients that old read an error as text
    if (compareVersions(request.apiVersion || minApiVersion, minApiVersion) < 0)
      return reply.code(status).type('text/plain; charset=utf-8').send(`${error.message}\n`);
    return reply.code(status === 405 || status === 415 ? 400 : status).send(errorBodyOf(error));
  });
}
