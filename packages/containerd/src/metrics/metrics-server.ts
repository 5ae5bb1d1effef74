// The prometheus endpoint of `[metrics] address`: GET /v1/metrics, as containerd serves it. A part of the daemon, when set.
import { createServer, type Server } from 'node:http';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { Daemon } from '../daemon.ts';
import type { CallCounters } from './call-counters.ts';
import { expositionType, toExposition } from './exposition.ts';
import { processFigures } from './process-figures.ts';
import { taskFigures } from './task-figures.ts';

const path = '/v1/metrics';
const requestTimeoutMs = 30_000;

type Sources = Pick<Daemon, 'config' | 'namespaces' | 'tasks' | 'log'>;

export class MetricsServer {
  readonly #sources: Sources;
  readonly #counters: CallCounters;
  readonly #server: Server;

  constructor(sources: Sources, counters: CallCounters) {
    this.#sources = sources;
    this.#counters = counters;
    this.#server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
      if (request.method !== 'GET' || new URL(request.url ?? '', 'http://metrics').pathname !== path)
        return response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
      this.#text().then(
        (text) => response.writeHead(200, { 'content-type': expositionType }).end(text),
        (error: unknown) => response.writeHead(500).end(`${errorMessageOf(error)}\n`),
      );
    });
  }

  /** Throws unavailable when the address cannot be listened on. */
  start(): Promise<void> {
    const { address } = this.#sources.config.metrics;
    const at = address.lastIndexOf(':');
    const host = address.slice(0, at).replace(/^\[(.*)\]$/, '$1') || undefined;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) =>
        reject(new ContainerError('unavailable', `listen for metrics on ${address}: ${error.message}`)),
      );
      this.#server.listen(Number(address.slice(at + 1)), host, () => {
        this.#server.unref();
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #text(): Promise<string> {
    const { tasks, namespaces, log } = this.#sources;
    const names = namespaces.list().map(({ name }) => name);
    const figures = await taskFigures(tasks, names, log);
    return toExposition([...processFigures(), ...this.#counters.families(), ...figures]);
  }
}
