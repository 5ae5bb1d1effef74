// A volume driver as people write them: a server on a unix socket in Docker's plugin directory, with directories as its volumes.
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';

const pluginDirectory = '/run/docker/plugins';

export interface VolumePluginServer {
  name: string;
  /** Calls in their order, with volume and user. */
  calls: string[];
  /** Options of the volumes that were made. */
  options: Map<string, Record<string, string>>;
  /** To be waited for before a mount is answered. */
  beforeMount: () => Promise<void>;
  stop(): Promise<void>;
}

interface Request {
  Name?: string;
  ID?: string;
  Opts?: Record<string, string> | null;
}

/** `directory` holds the volumes. The name is to be the test's own: the directory of sockets is the machine's. */
export async function startVolumePlugin(name: string, directory: string): Promise<VolumePluginServer> {
  const madeDirectories = ['/run/docker', pluginDirectory].filter((path) => !existsSync(path));
  mkdirSync(pluginDirectory, { recursive: true });
  const calls: string[] = [];
  const options = new Map<string, Record<string, string>>();
  const pathOf = (volume: string) => join(directory, volume);
  const view = (volume: string) => ({ Name: volume, Mountpoint: pathOf(volume), Status: { kept: 'here' } });
  const answer = (method: string, { Name = '', Opts }: Request): object => {
    if (method === 'Plugin.Activate') return { Implements: ['VolumeDriver'] };
    if (method === 'VolumeDriver.Capabilities') return { Capabilities: { Scope: 'global' } };
    if (method === 'VolumeDriver.List') return { Volumes: [...options.keys()].map(view) };
    if (method === 'VolumeDriver.Create') {
      if (Opts?.['fail'] !== undefined) return { Err: `refused: ${Opts['fail']}` };
      mkdirSync(pathOf(Name), { recursive: true });
      options.set(Name, Opts ?? {});
      return {};
    }
    if (!options.has(Name)) return { Err: `no volume ${Name}` };
    if (method === 'VolumeDriver.Get') return { Volume: view(Name) };
    if (method === 'VolumeDriver.Remove') {
      rmSync(pathOf(Name), { recursive: true, force: true });
      options.delete(Name);
    }
    return ['VolumeDriver.Mount', 'VolumeDriver.Path'].includes(method) ? { Mountpoint: pathOf(Name) } : {};
  };
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const method = (request.url ?? '').slice(1);
      const body = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Request;
      if (/Create|Remove|Mount|Unmount/.test(method))
        calls.push([method.replace('VolumeDriver.', ''), body.Name].join(' '));
      if (method === 'VolumeDriver.Mount') await plugin.beforeMount();
      response.writeHead(200, { 'Content-Type': 'application/vnd.docker.plugins.v1.2+json' });
      response.end(JSON.stringify({ Err: '', ...answer(method, body) }));
    });
  });
  const socket = join(pluginDirectory, `${name}.sock`);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const stop = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    for (const path of madeDirectories.reverse())
      if (existsSync(path) && readdirSync(path).length === 0) rmdirSync(path);
  };
  const plugin: VolumePluginServer = { name, calls, options, beforeMount: async () => undefined, stop };
  return plugin;
}
