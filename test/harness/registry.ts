// Debian's docker-registry for a test, inside the stack's network namespace, and images for it made with umoci and skopeo.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runOk, until } from './command.ts';
import type { NetworkNamespace } from './network-namespace.ts';

export interface RegistryOptions {
  /** Port on 127.0.0.1; the namespace is the test's own, so any is free. */
  port: number;
  /** Certificate and key files: HTTPS. */
  tls?: { certificate: string; key: string };
  /** File of the CA whose clients alone are served. */
  clientAuthority?: string;
  /** Manifests may have layers that are elsewhere. */
  allowsForeignLayers?: boolean;
  /** YAML below `auth:`. */
  auth?: Record<string, Record<string, string>>;
  /** Registries with the same storage serve the same images. */
  storage: string;
}

export interface Registry {
  /** `127.0.0.1:port`. */
  host: string;
  stop(): Promise<void>;
}

function clientsOf({ clientAuthority }: RegistryOptions): string {
  return clientAuthority === undefined ? '' : `, clientcas: [${clientAuthority}]`;
}

function configuration(options: RegistryOptions): string {
  const lines = [
    'version: 0.1',
    'log: {level: warn}',
    `storage: {filesystem: {rootdirectory: ${options.storage}}}`,
    'http:',
    `  addr: 127.0.0.1:${options.port}`,
  ];
  if (options.tls !== undefined)
    lines.push(`  tls: {certificate: ${options.tls.certificate}, key: ${options.tls.key}${clientsOf(options)}}`);
  if (options.allowsForeignLayers === true) lines.push('validation: {manifests: {urls: {allow: [".*"]}}}');
  if (options.auth !== undefined)
    lines.push(
      'auth:',
      ...Object.entries(options.auth).map(([name, values]) => `  ${name}: ${JSON.stringify(values)}`),
    );
  return `${lines.join('\n')}\n`;
}

/** A process inside the namespace, ended by `stop`. `isReady` is asked until it is so. */
export async function startInside(
  network: NetworkNamespace,
  logFile: string,
  file: string,
  args: string[],
  isReady: () => Promise<boolean>,
): Promise<() => Promise<void>> {
  const log = openSync(logFile, 'a');
  const [command, commandArgs] = network.enter(file, args);
  const child: ChildProcess = spawn(command, commandArgs, { stdio: ['ignore', log, log] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  try {
    await until(`${file} ready`, 10_000, async () => ((await isReady()) ? true : undefined));
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

/** Whether something listens there, seen from inside the namespace. */
export async function isListening(network: NetworkNamespace, port: number): Promise<boolean> {
  const [file, args] = network.enter('bash', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`]);
  return (await run(file, args)).code === 0;
}

export async function startRegistry(
  network: NetworkNamespace,
  directory: string,
  options: RegistryOptions,
): Promise<Registry> {
  const file = join(directory, `registry-${options.port}.yml`);
  writeFileSync(file, configuration(options));
  const stop = await startInside(network, `${file}.log`, '/usr/bin/docker-registry', ['serve', file], () =>
    isListening(network, options.port),
  );
  return { host: `127.0.0.1:${options.port}`, stop };
}

/** An OCI layout with the image `base`: busybox in one layer, `payloadBytes` of noise in the next. */
export async function makeImage(directory: string, payloadBytes = 3_000_000): Promise<string> {
  const layout = join(directory, 'layout');
  const image = `${layout}:base`;
  mkdirSync(directory, { recursive: true });
  await runOk('umoci', ['init', '--layout', layout]);
  await runOk('umoci', ['new', '--image', image]);
  await addLayer(directory, image, (root) => {
    mkdirSync(join(root, 'bin'));
    copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
    for (const name of ['sh', 'cat', 'id', 'ls', 'sleep', 'echo']) symlinkSync('busybox', join(root, 'bin', name));
  });
  await addLayer(directory, image, (root) => writeFileSync(join(root, 'payload'), randomBytes(payloadBytes)));
  await runOk('umoci', [
    'config',
    '--image',
    image,
    '--config.cmd',
    '/bin/sh',
    '--config.env',
    'PATH=/bin',
    '--config.label',
    'made=here',
  ]);
  return `oci:${image}`;
}

async function addLayer(directory: string, image: string, change: (root: string) => void): Promise<void> {
  const bundle = join(directory, `bundle-${randomBytes(4).toString('hex')}`);
  await runOk('umoci', ['unpack', '--image', image, bundle]);
  change(join(bundle, 'rootfs'));
  await runOk('umoci', ['repack', '--image', image, bundle]);
}

/** skopeo inside the namespace; TLS is not verified, since the test's own client is not what is tested. */
export async function skopeoCopy(
  network: NetworkNamespace,
  source: string,
  target: string,
  args: string[] = [],
): Promise<void> {
  const [file, all] = network.enter('skopeo', [
    'copy',
    '--quiet',
    '--insecure-policy',
    '--dest-tls-verify=false',
    '--src-tls-verify=false',
    ...args,
    source,
    target,
  ]);
  await runOk(file, all);
}
