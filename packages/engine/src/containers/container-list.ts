// Which containers a list shows: filters, limit, order; and what they take on disk.

import { ContainerError, isNotFound } from '@tscontainer/core/errors';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import { parseRfc3339 } from '../go-time.ts';
import type { Filters } from '../http/query.ts';
import type { Container } from './container.ts';
import type { ContainerIndex } from './container-index.ts';
import type { Sizes } from './container-views.ts';

export const containerFilters = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'isolation',
  'is-task',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
];

const statuses = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];

const healthStates = ['none', 'starting', 'healthy', 'unhealthy'];

export interface ListOptions {
  showsAll: boolean;
  /** The last so many created, whatever their state. */
  limit: number | undefined;
  filters: Filters;
  /** Image ids that an `ancestor` value means. */
  ancestors: ReadonlyMap<string, string>;
}

function createdNs(container: Container): bigint {
  return parseRfc3339(container.settings.created) ?? 0n;
}

function checkFilters(filters: Filters): void {
  for (const status of filters.get('status')) {
    if (!statuses.includes(status))
      throw new ContainerError(
        'invalid-argument',
        `invalid filter 'status=${status}': invalid value for state (${status}): must be one of ${statuses.join(', ')}`,
      );
  }
  filters.bool('is-task');
  for (const health of filters.get('health')) {
    if (!healthStates.includes(health))
      throw new ContainerError(
        'invalid-argument',
        `invalid filter 'health=${health}': invalid value for health (${health}): must be one of ${healthStates.join(', ')}`,
      );
  }
  for (const code of filters.get('exited')) {
    if (!/^-?\d+$/.test(code))
      throw new ContainerError(
        'invalid-argument',
        `invalid filter 'exited=${code}': strconv.Atoi: parsing ${JSON.stringify(code)}: invalid syntax`,
      );
  }
}

/** An unanchored regular expression, tried with and without the slash. */
function matchesName(container: Container, pattern: string): boolean {
  try {
    const expression = new RegExp(pattern);
    return expression.test(container.name) || expression.test(`/${container.name}`);
  } catch {
    return false; // what is no expression matches nothing, as in docker
  }
}

function matches(container: Container, filters: Filters, ancestors: ReadonlyMap<string, string>): boolean {
  const { settings, state } = container;
  return (
    filters.matches('id', (prefix) => container.id.startsWith(prefix)) &&
    filters.matches('name', (pattern) => matchesName(container, pattern)) &&
    filters.matchesLabels(settings.config.Labels) &&
    filters.matches('status', (status) => state.status === status) &&
    filters.matches('exited', (code) => state.status === 'exited' && state.exitCode === Number(code)) &&
    filters.matches('ancestor', (text) => settings.config.Image === text || settings.imageId === ancestors.get(text)) &&
    filters.matches('volume', (text) =>
      settings.mountPoints.some((point) => point.name === text || point.destination === text || point.source === text),
    ) &&
    filters.matches('network', (text) => isInNetwork(container, text)) &&
    filters.matches('health', (text) => text === (container.state.health?.status ?? 'none')) &&
    filters.matches('is-task', (text) => text === 'false' || text === '0') &&
    filters.matches('publish', (text) => isPublished(container, text)) &&
    filters.matches('expose', (port) =>
      Object.keys(settings.config.ExposedPorts ?? {}).some(
        (exposed) => exposed === port || exposed.startsWith(`${port}/`),
      ),
    )
  );
}

/** By name or id, also of networks that a stopped container is to be in. */
function isInNetwork({ settings }: Container, text: string): boolean {
  return Object.entries(settings.endpoints).some(
    ([name, request]) => name === text || (request.networkId !== '' && request.networkId.startsWith(text)),
  );
}

/** `80`, `80/udp`, `8000-8010/tcp`: the host's side. */
function isPublished({ state }: Container, text: string): boolean {
  const [, first = '', last = first, protocol = 'tcp'] = /^(\d+)(?:-(\d+))?(?:\/(\w+))?$/.exec(text) ?? [];
  const isWithin = (port: number) => Number(first) <= port && port <= Number(last);
  return (state.network?.ports ?? []).some((port) => port.protocol === protocol && isWithin(port.hostPort));
}

/** The newest first. */
export function selectContainers(index: ContainerIndex<Container>, options: ListOptions): Container[] {
  const { filters } = options;
  checkFilters(filters);
  const since = filters.get('since').map((reference) => createdNs(index.find(reference)));
  const before = filters.get('before').map((reference) => createdNs(index.find(reference)));
  const showsStopped = options.showsAll || options.limit !== undefined || filters.has('status');
  const selected = index
    .values()
    .filter((container) => showsStopped || container.isRunning || container.state.status === 'restarting')
    .filter(
      (container) =>
        since.every((time) => createdNs(container) > time) && before.every((time) => createdNs(container) < time),
    )
    .filter((container) => matches(container, filters, options.ancestors))
    .sort((a, b) => (createdNs(a) < createdNs(b) ? 1 : -1));
  return options.limit === undefined ? selected : selected.slice(0, options.limit);
}

/** What the container wrote, and that with its image. */
export async function sizesOf(client: ContainerdClient, container: Container, imageBytes: number): Promise<Sizes> {
  const { snapshotter, snapshotKey: key } = container.settings;
  try {
    const { size } = await client.snapshots.Usage({ snapshotter, key });
    return { SizeRw: size, SizeRootFs: size + imageBytes };
  } catch (error) {
    if (isNotFound(error)) return { SizeRw: 0, SizeRootFs: 0 };
    throw error;
  }
}
