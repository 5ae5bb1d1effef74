// Prometheus' text form, and the counting of calls that end well, badly, or as streams.
import { ContainerError } from '@tscontainer/core/errors';
import { loadService } from '@tscontainer/platform/contract-loader';
import type { CallContext } from '@tscontainer/platform/grpc-server';
import { describe, expect, it } from 'vitest';
import { CallCounters } from './call-counters.ts';
import { toExposition } from './exposition.ts';

const context = { namespace: 'n', lease: undefined, signal: new AbortController().signal } as CallContext;

describe('the exposition', () => {
  it('has families in order, labels escaped, and no empty family', () => {
    const family = (name: string, labels: Record<string, string> | undefined) => ({
      name,
      help: 'h',
      type: 'counter' as const,
      samples: labels === undefined ? [] : [{ labels, value: 1.5 }],
    });
    expect(toExposition([family('b', { k: 'a"b\\c\nd' }), family('c', undefined), family('a', {})])).toBe(
      '# HELP a h\n# TYPE a counter\na 1.5\n# HELP b h\n# TYPE b counter\nb{k="a\\"b\\\\c\\nd"} 1.5\n',
    );
  });
});

describe('the counters of calls', () => {
  it('know each code, message and latency', async () => {
    const counters = new CallCounters(true);
    const { handlers } = counters.count({
      definition: loadService(
        'containerd/services/containers/v1/containers.proto',
        'containerd.services.containers.v1.Containers',
      ),
      handlers: {
        Get: async ({ id }: { id: string }) => {
          if (id === 'none') throw new ContainerError('not-found', 'none');
          return {};
        },
        ListStream: async function* () {
          yield 1;
          yield 2;
        },
      },
    });
    const call = (method: string, request: object) =>
      (handlers[method] as (request: object, context: CallContext) => any)(request, context);
    await call('Get', { id: 'a' });
    await expect(call('Get', { id: 'none' })).rejects.toThrow('none');
    for await (const message of call('ListStream', {})) expect(message).toBeGreaterThan(0);
    expect(handlers['Delete']).toBeUndefined();
    const text = toExposition(counters.families());
    const labels = (method: string, type: string) =>
      `grpc_method="${method}",grpc_service="containerd.services.containers.v1.Containers",grpc_type="${type}"`;
    expect(text).toContain(`grpc_server_handled_total{grpc_code="OK",${labels('Get', 'unary')}} 1\n`);
    expect(text).toContain(`grpc_server_handled_total{grpc_code="NotFound",${labels('Get', 'unary')}} 1\n`);
    expect(text).toContain(`grpc_server_msg_sent_total{${labels('ListStream', 'server_stream')}} 2\n`);
    expect(text).toContain(`grpc_server_handling_seconds_count{${labels('Get', 'unary')}} 2\n`);
    expect(text).toContain(`grpc_server_started_total{${labels('Delete', 'unary')}} 0\n`);
  });
});
