// Counts the gRPC calls of the daemon under the names that every Go gRPC server uses; only when there is a metrics endpoint.

import type { CallContext, ServedService, ServiceHandlers } from '@tscontainer/platform/grpc-server';
import { statusFromError } from '@tscontainer/platform/grpc-status';
import type { Family, SampleLabels } from './exposition.ts';

/** Seconds; go-grpc-prometheus' own. */
const bucketsS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** google.rpc.Code as Go's codes print themselves. */
const codeNames =
  'OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss Unauthenticated'.split(
    ' ',
  );

interface MethodCounts {
  labels: SampleLabels;
  started: number;
  received: number;
  sent: number;
  handled: Map<string, number>;
  bucketCounts: number[];
  sumS: number;
  count: number;
}

export class CallCounters {
  readonly #methods: MethodCounts[] = [];
  readonly #hasHistogram: boolean;

  constructor(hasHistogram: boolean) {
    this.#hasHistogram = hasHistogram;
  }

  /** The same service, with every call counted. */
  count(service: ServedService): ServedService {
    const handlers: ServiceHandlers = {};
    for (const [name, method] of Object.entries(service.definition)) {
      const counts = this.#add(method.path, typeOf(method));
      const handler = service.handlers[name] as ((request: any, context: CallContext) => any) | undefined;
      if (handler === undefined) continue;
      handlers[name] =
        method.requestStream || method.responseStream
          ? (request: unknown, context: CallContext) =>
              this.#stream(counts, (given) => handler(given, context), request, method.requestStream)
          : (request: unknown, context: CallContext) => this.#unary(counts, () => handler(request, context));
    }
    return { definition: service.definition, handlers };
  }

  families(): Family[] {
    const family = (name: string, help: string, pick: (counts: MethodCounts) => number): Family => ({
      name,
      help,
      type: 'counter',
      samples: this.#methods.map((counts) => ({ labels: counts.labels, value: pick(counts) })),
    });
    return [
      family('grpc_server_started_total', 'Total number of RPCs started on the server.', ({ started }) => started),
      family(
        'grpc_server_msg_received_total',
        'Total number of RPC stream messages received on the server.',
        ({ received }) => received,
      ),
      family(
        'grpc_server_msg_sent_total',
        'Total number of gRPC stream messages sent by the server.',
        ({ sent }) => sent,
      ),
      {
        name: 'grpc_server_handled_total',
        help: 'Total number of RPCs completed on the server, regardless of success or failure.',
        type: 'counter',
        samples: this.#methods.flatMap(({ labels, handled }) =>
          codeNames.map((code) => ({ labels: { grpc_code: code, ...labels }, value: handled.get(code) ?? 0 })),
        ),
      },
      ...(this.#hasHistogram ? [this.#histogram()] : []),
    ];
  }

  #histogram(): Family {
    return {
      name: 'grpc_server_handling_seconds',
      help: 'Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.',
      type: 'histogram',
      samples: this.#methods.flatMap(({ labels, bucketCounts, sumS, count }) => [
        ...bucketsS.map((le, index) => ({
          labels: { ...labels, le },
          value: bucketCounts[index] ?? 0,
          suffix: '_bucket',
        })),
        { labels: { ...labels, le: '+Inf' }, value: count, suffix: '_bucket' },
        { labels, value: sumS, suffix: '_sum' },
        { labels, value: count, suffix: '_count' },
      ]),
    };
  }

  #add(path: string, type: string): MethodCounts {
    const [, service = '', method = ''] = path.split('/');
    const counts: MethodCounts = {
      labels: { grpc_method: method, grpc_service: service, grpc_type: type },
      started: 0,
      received: 0,
      sent: 0,
      handled: new Map(),
      bucketCounts: bucketsS.map(() => 0),
      sumS: 0,
      count: 0,
    };
    this.#methods.push(counts);
    return counts;
  }

  async #unary(counts: MethodCounts, call: () => Promise<unknown>): Promise<unknown> {
    const began = this.#began(counts);
    counts.received += 1;
    try {
      const answer = await call();
      counts.sent += 1;
      this.#ended(counts, began, 0);
      return answer;
    } catch (error) {
      this.#ended(counts, began, statusFromError(error).code);
      throw error;
    }
  }

  /** Not a generator from the start on: a subscription stands from the call, not from the first read. */
  #stream(
    counts: MethodCounts,
    call: (request: unknown) => AsyncIterable<unknown>,
    request: unknown,
    isRequestStream: boolean,
  ): AsyncIterable<unknown> {
    const began = this.#began(counts);
    if (!isRequestStream) counts.received += 1;
    const messages = call(isRequestStream ? received(request as AsyncIterable<unknown>, counts) : request);
    return this.#sent(counts, began, messages);
  }

  async *#sent(counts: MethodCounts, began: number, messages: AsyncIterable<unknown>): AsyncIterable<unknown> {
    let code = 0;
    try {
      for await (const message of messages) {
        counts.sent += 1;
        yield message;
      }
    } catch (error) {
      code = statusFromError(error).code;
      throw error;
    } finally {
      this.#ended(counts, began, code);
    }
  }

  #began(counts: MethodCounts): number {
    counts.started += 1;
    return this.#hasHistogram ? performance.now() : 0;
  }

  #ended(counts: MethodCounts, began: number, code: number): void {
    const name = codeNames[code] ?? 'Unknown';
    counts.handled.set(name, (counts.handled.get(name) ?? 0) + 1);
    if (!this.#hasHistogram) return;
    const tookS = (performance.now() - began) / 1000;
    counts.count += 1;
    counts.sumS += tookS;
    for (const [index, limit] of bucketsS.entries()) if (tookS <= limit) (counts.bucketCounts[index] as number) += 1;
  }
}

async function* received(requests: AsyncIterable<unknown>, counts: MethodCounts): AsyncIterable<unknown> {
  for await (const request of requests) {
    counts.received += 1;
    yield request;
  }
}

function typeOf({ requestStream, responseStream }: { requestStream: boolean; responseStream: boolean }): string {
  if (requestStream) return responseStream ? 'bidi_stream' : 'client_stream';
  return responseStream ? 'server_stream' : 'unary';
}
