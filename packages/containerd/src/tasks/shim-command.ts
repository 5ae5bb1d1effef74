// Runs a shim's binary as containerd does: `start` to bring one up, `delete` to clean up after a dead one.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ContainerError } from '@tscontainer/core/errors';
import { wireMessage } from '@tscontainer/platform/wire-codec';
import type { AnyMessage } from '../events/event-exchange.ts';

export const ownRuntimeName = 'io.containerd.ts.v2';

/** Runtimes that are served by our own shim, in process. */
export function isOwnRuntime(runtimeName: string): boolean {
  return runtimeName === ownRuntimeName;
}

export interface ShimCommandOptions {
  /** Path of the daemon's gRPC socket. */
  address: string;
  runtimeName: string;
  namespace: string;
  id: string;
  /** The bundle, or where a warm shim starts. */
  workingDirectory: string;
  /** Further flags, for our own shim only. */
  flags?: string[];
  isDebug?: boolean;
  /** Written to stdin, as daemons up to 2.2 do. */
  runtimeOptions?: AnyMessage | null;
  /** Where stderr goes: our own shim's serving process keeps it for its log. */
  stderr: 'inherit' | 'pipe';
}

const commandTimeoutMs = 30_000;
const maxOutputBytes = 64 * 1024;
const maxOutputDelayMs = 1_000;

const anyCodec = wireMessage<AnyMessage>('google.protobuf.Any');
const deleteResponse = wireMessage<DeletedTask>('containerd.task.v2.DeleteResponse');
const bootstrapResult = wireMessage<{ address: string; protocol: string }>(
  'containerd.runtime.bootstrap.v1.BootstrapResult',
);

export interface DeletedTask {
  pid: number;
  exitStatus: number;
  exitedAt: { seconds: number; nanos: number } | null;
}

/** Starts a shim and returns its `unix://` address. */
export async function startShimProcess(options: ShimCommandOptions): Promise<string> {
  return readAddress(await runShim(options, [], 'start'));
}

/** Removes what a dead shim left of a container. */
export async function deleteByShim(options: ShimCommandOptions): Promise<DeletedTask> {
  return deleteResponse.decode(await runShim(options, ['-bundle', options.workingDirectory], 'delete'));
}

/** A shim answers with a bare address (1.6), JSON (2.0), or BootstrapResult (2.3). */
export function readAddress(output: Buffer): string {
  const text = output.toString('utf8').trim();
  if (text.startsWith('unix://')) return text;
  const { address, protocol } = text.startsWith('{')
    ? (JSON.parse(text) as { address: string; protocol: string })
    : bootstrapResult.decode(output);
  if (protocol !== 'ttrpc') throw new ContainerError('unimplemented', `start shim: it speaks "${protocol}", not ttrpc`);
  if (!address.startsWith('unix://'))
    throw new ContainerError('unimplemented', `start shim: address "${address}" is no unix socket`);
  return address;
}

/** `io.containerd.runc.v2` is containerd-shim-runc-v2 in PATH; a path is taken as it is. Throws not-found. */
export function shimBinary(runtimeName: string): string {
  if (isOwnRuntime(runtimeName)) return ownShim();
  if (isAbsolute(runtimeName)) return existing(runtimeName, [runtimeName]);
  const parts = runtimeName.split('.');
  const [name = '', version = ''] = parts.slice(-2);
  if (parts.length < 2 || name === '' || version === '')
    throw new ContainerError('invalid-argument', `runtime ${runtimeName}: not of the form io.containerd.NAME.VERSION`);
  const file = `containerd-shim-${name}-${version}`;
  return existing(
    runtimeName,
    (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, file)),
  );
}

function ownShim(): string {
  const override = process.env.TSCONTAINER_SHIM;
  if (override) return override;
  const fromSource = import.meta.url.endsWith('/packages/containerd/src/tasks/shim-command.ts');
  const name = 'containerd-shim-ts-v2';
  const path = fileURLToPath(new URL(fromSource ? `../../../../dist/bin/${name}` : `../bin/${name}`, import.meta.url));
  return existing(ownRuntimeName, [path]);
}

function existing(runtimeName: string, candidates: string[]): string {
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined)
    throw new ContainerError(
      'not-found',
      `runtime "${runtimeName}": binary not installed, not in ${candidates.join(', ')}`,
    );
  return found;
}

function runShim(options: ShimCommandOptions, before: string[], verb: 'start' | 'delete'): Promise<Buffer> {
  const { address, namespace, id } = options;
  const binary = shimBinary(options.runtimeName);
  const flags = ['-namespace', namespace, '-address', address, '-publish-binary', process.execPath, '-id', id];
  const debug = options.isDebug === true ? ['-debug'] : [];
  const env = {
    ...process.env,
    TTRPC_ADDRESS: `${address}.ttrpc`,
    GRPC_ADDRESS: address,
    NAMESPACE: namespace,
    MAX_SHIM_VERSION: '2',
    GOMAXPROCS: '2',
  };
  // a process group of its own: what a terminal sends to ours must not reach containers
  const child = spawn(binary, [...flags, ...debug, ...before, ...(options.flags ?? []), verb], {
    cwd: options.workingDirectory,
    env,
    detached: true,
    stdio: ['pipe', 'pipe', options.stderr],
  });
  const what = `${verb} shim ${binary} of ${id}`;
  return new Promise((resolve, reject) => {
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    const fail = (cause: string) => {
      clearTimeout(timer);
      reject(new ContainerError('unknown', `${what}: ${cause}`));
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`no answer in ${commandTimeoutMs} ms`);
    }, commandTimeoutMs);
    collect(child.stdout, output);
    collect(child.stderr, errors);
    child.on('error', (error) => fail(error.message));
    // `exit`, not `close`: a serving process may have inherited an end of a pipe
    child.on('exit', async (code, signal) => {
      await answered(child.stdout, output);
      setImmediate(() => {
        if (code !== 0)
          return fail(
            `ended with ${signal ?? code}: ${Buffer.concat(errors).toString().trim() || Buffer.concat(output).toString().trim()}`,
          );
        clearTimeout(timer);
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve(Buffer.concat(output));
      });
    });
    child.stdin?.on('error', () => undefined); // a shim need not read its options
    child.stdin?.end(options.runtimeOptions ? anyCodec.encode(options.runtimeOptions) : undefined);
  });
}

/** The exit may be seen before what was printed: waits for the first bytes, or the end, for a bounded time. */
function answered(stream: NodeJS.ReadableStream | null, output: Buffer[]): Promise<void> {
  if (stream === null || output.length > 0 || !stream.readable) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, maxOutputDelayMs);
    stream.once('data', done);
    stream.once('end', done);
  });
}

function collect(stream: NodeJS.ReadableStream | null, into: Buffer[]): void {
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxOutputBytes) into.push(chunk);
  });
}
