// containerd.services.introspection.v1.Introspection: what this daemon offers, in containerd's plugin names.

import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';
import { loadService } from '@tscontainer/platform/contract-loader';
import type { ServedService } from '@tscontainer/platform/grpc-server';
import type { Daemon } from '../daemon.ts';
import { compileFilters } from '../filters/filter.ts';
import { isErofsSupported } from '../snapshots/erofs-snapshotter.ts';
import { supportsIdMapping } from '../snapshots/id-mapping.ts';

interface Plugin {
  type: string;
  id: string;
  requires: string[];
  platforms: { os: string; architecture: string; variant: string }[];
  exports: Record<string, string>;
  capabilities: string[];
}

const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386' };
/** What runs here. */
export const hostPlatform = { os: 'linux', architecture: architectures[process.arch] ?? process.arch, variant: '' };

const grpcServices = [
  'containers',
  'content',
  'diff',
  'events',
  'healthcheck',
  'images',
  'introspection',
  'leases',
  'namespaces',
  'sandbox-controllers',
  'sandboxes',
  'snapshots',
  'streaming',
  'tasks',
  'transfer',
  'version',
];

function pluginsOf({ config }: Pick<Daemon, 'config'>): Plugin[] {
  const plugin = (type: string, id: string, more: Partial<Plugin> = {}): Plugin => ({
    type,
    id,
    requires: [],
    platforms: [],
    exports: {},
    capabilities: [],
    ...more,
  });
  const rootOf = (name: string) => ({ root: join(config.root, name) });
  // a client without it changes the owners of a whole copy
  const overlayCapabilities = supportsIdMapping(config.root) ? ['remap-ids'] : [];
  return [
    plugin('io.containerd.content.v1', 'content', {
      exports: rootOf('io.containerd.content.v1.content'),
      capabilities: ['sharing'],
    }),
    plugin('io.containerd.snapshotter.v1', 'overlayfs', {
      platforms: [hostPlatform],
      capabilities: overlayCapabilities,
      exports: rootOf('io.containerd.snapshotter.v1.overlayfs'),
    }),
    plugin('io.containerd.snapshotter.v1', 'native', {
      platforms: [hostPlatform],
      exports: rootOf('io.containerd.snapshotter.v1.native'),
    }),
    ...(isErofsSupported()
      ? [
          plugin('io.containerd.snapshotter.v1', 'erofs', {
            platforms: [hostPlatform],
            capabilities: overlayCapabilities,
            exports: rootOf('io.containerd.snapshotter.v1.erofs'),
          }),
        ]
      : []),
    plugin('io.containerd.metadata.v1', 'bolt', {
      requires: ['io.containerd.content.v1', 'io.containerd.snapshotter.v1'],
      exports: { policy: 'shared' },
    }),
    plugin('io.containerd.differ.v1', 'walking', {
      requires: ['io.containerd.metadata.v1'],
      platforms: [hostPlatform],
    }),
    plugin('io.containerd.event.v1', 'exchange'),
    plugin('io.containerd.transfer.v1', 'local', {
      requires: ['io.containerd.metadata.v1'],
      platforms: [hostPlatform],
    }),
    plugin('io.containerd.streaming.v1', 'manager'),
    plugin('io.containerd.sandbox.store.v1', 'local', { requires: ['io.containerd.metadata.v1'] }),
    plugin('io.containerd.sandbox.controller.v1', 'shim', { requires: ['io.containerd.event.v1'] }),
    plugin('io.containerd.internal.v1', 'restart', { requires: ['io.containerd.service.v1'] }),
    plugin('io.containerd.gc.v1', 'scheduler', { requires: ['io.containerd.metadata.v1'] }),
    plugin('io.containerd.runtime.v2', 'task', {
      platforms: [hostPlatform],
      requires: ['io.containerd.event.v1', 'io.containerd.metadata.v1'],
    }),
    ...grpcServices.map((id) => plugin('io.containerd.grpc.v1', id)),
  ];
}

export function introspectionService(daemon: Pick<Daemon, 'config'>): ServedService {
  let known: Plugin[] | undefined;
  // looked at when somebody asks: what the kernel can is not for free to find out
  const plugins = () => (known ??= pluginsOf(daemon));
  return {
    definition: loadService(
      'containerd/services/introspection/v1/introspection.proto',
      'containerd.services.introspection.v1.Introspection',
    ),
    handlers: {
      Plugins: async ({ filters }: { filters: string[] }) => {
        const isWanted = compileFilters(filters);
        return { plugins: plugins().filter((plugin) => isWanted(([field, ...rest]) => fieldOf(plugin, field, rest))) };
      },
      PluginInfo: async ({ type, id }: { type: string; id: string }) => {
        const plugin = plugins().find((candidate) => candidate.type === type && candidate.id === id);
        if (plugin === undefined) throw new ContainerError('not-found', `plugin ${type}.${id}: not found`);
        return { plugin, extra: null };
      },
      Server: async () => ({
        uuid: daemonUuid(daemon.config.root),
        pid: process.pid,
        pidns: pidNamespace(),
        deprecations: [],
      }),
    },
  };
}

function fieldOf(plugin: Plugin, field: string | undefined, rest: string[]): string | undefined {
  if (field === 'type') return plugin.type;
  if (field === 'id') return plugin.id;
  if (field === 'capabilities') return plugin.capabilities.find((capability) => capability === rest.join('.'));
  if (field === 'platforms')
    return plugin.platforms.map(({ os, architecture }) => `${os}/${architecture}`).join(',') || undefined;
  return undefined;
}

/** Made once per root directory. */
function daemonUuid(root: string): string {
  const path = join(root, 'io.containerd.grpc.v1.introspection/uuid');
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, randomUUID(), { mode: 0o600 });
  }
  return readFileSync(path, 'utf8').trim();
}

function pidNamespace(): number {
  return Number(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 0);
}
