// grpc.health.v1.Health: a daemon that answers serves, since it listens only once everything is open.
import { setTimeout as delay } from 'node:timers/promises';
import { ContainerError } from '@tscontainer/core/errors';
import { loadService } from '@tscontainer/platform/contract-loader';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';

const serving = { status: 'SERVING' };
/** The longest that a timer can wait. */
const longTimeMs = 2 ** 31 - 1;

export function healthService(): ServedService {
  return {
    definition: loadService('grpc/health/v1/health.proto', 'grpc.health.v1.Health'),
    handlers: {
      Check: async ({ service }: { service: string }) => {
        if (service === '') return serving;
        throw new ContainerError('not-found', `health of service ${service}: unknown service`);
      },
      List: async () => ({ statuses: { '': serving } }),
      Watch: watch,
    },
  };
}

async function* watch({ service }: { service: string }, { signal }: CallContext): AsyncIterable<unknown> {
  yield service === '' ? serving : { status: 'SERVICE_UNKNOWN' };
  while (!signal.aborted) {
    await delay(longTimeMs, undefined, { signal, ref: false }).catch(() => undefined); // aborted: the watcher left
  }
}
