// Docker's own client (20.10, classic builder) in front of Debian's dockerd and of ours, for builds that are compared.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { type ContextFiles, contextArchive, makeContext, maskIds } from './build-context.ts';
import { type CommandOptions, type CommandResult, run } from './command.ts';
import { busyboxArchive } from './images.ts';
import { type RealDockerd, startRealDockerd } from './real-dockerd.ts';
import { binDirectory } from './repository.ts';
import { type Stack, startStack } from './stack.ts';

/** A bit of everything that a COPY can meet. */
export const exampleContext: ContextFiles = {
  'a.txt': 'one\n',
  'b.txt': 'two\n',
  'run.sh': { text: '#!/bin/sh\necho run\n', mode: 0o755 },
  'dir/inner.txt': 'inner\n',
  'dir/deep/x': 'x\n',
  'dir/link': { link: 'inner.txt' },
  'link.txt': { link: 'a.txt' },
  'empty/': '',
};

export interface BuildOutcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Story: `startBuilders`, use, `stop` (put it into afterAll). */
export class Builders {
  readonly dockerd: RealDockerd;
  readonly stack: Stack;
  /** Also the configuration directory of every client. */
  readonly scratch: string;

  constructor(dockerd: RealDockerd, stack: Stack, scratch: string) {
    this.dockerd = dockerd;
    this.stack = stack;
    this.scratch = scratch;
  }

  theirs(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#run('/usr/bin/docker', this.dockerd.socket, args, options);
  }

  ours(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#run('/usr/bin/docker', this.stack.socket, args, options);
  }

  tsctl(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#run(join(binDirectory, 'tsctl'), this.stack.socket, args, options);
  }

  /** The same context on both, side by side; ids masked. */
  async build(
    files: ContextFiles,
    args: string[] = [],
    options: CommandOptions = {},
  ): Promise<{ theirs: BuildOutcome; ours: BuildOutcome }> {
    const directory = makeContext(files);
    const line = ['build', '--network', 'none', ...args, '.'];
    try {
      const [theirs, ours] = await Promise.all([
        this.theirs(line, { cwd: directory, ...options }),
        this.ours(line, { cwd: directory, ...options }),
      ]);
      return { theirs: maskOutcome(theirs), ours: maskOutcome(ours) };
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** Without a client. Statuses are told apart by whether the build had begun: dockerd gives 500 where we give 400. */
  async postBuild(files: ContextFiles, query: string): Promise<{ theirs: PostedBuild; ours: PostedBuild }> {
    const archive = await contextArchive(files);
    const body = readFileSync(archive);
    rmSync(archive);
    const [theirs, ours] = await Promise.all(
      [this.dockerd.socket, this.stack.socket].map((socket) =>
        postContext(socket, `/v1.41/build?networkmode=none&${query}`, body),
      ),
    );
    return { theirs, ours } as { theirs: PostedBuild; ours: PostedBuild };
  }

  async stop(): Promise<void> {
    await this.dockerd.stop();
    await this.stack.stop();
    rmSync(this.scratch, { recursive: true, force: true });
  }

  #run(program: string, socket: string, args: string[], options: CommandOptions): Promise<CommandResult> {
    const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_BUILDKIT: '0', DOCKER_CONFIG: this.scratch, ...options.env };
    return run(program, args, { timeoutMs: 120_000, ...options, env });
  }
}

export interface PostedBuild {
  hasBegun: boolean;
  /** What was printed, ids masked. */
  text: string;
  failure: string;
  /** In `errorDetail`. */
  code: number | undefined;
}

function postContext(socketPath: string, path: string, body: Buffer): Promise<PostedBuild> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-tar' };
    const request = http.request({ socketPath, method: 'POST', path, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(toPosted(response.statusCode ?? 0, text)));
    });
    request.on('error', reject);
    request.end(body);
  });
}

function toPosted(status: number, text: string): PostedBuild {
  if (status !== 200) return { hasBegun: false, text: '', failure: JSON.parse(text).message, code: undefined };
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));
  const { message = '', code } = lines.at(-1)?.errorDetail ?? {};
  return { hasBegun: true, text: maskIds(lines.map(({ stream = '' }) => stream).join('')), failure: message, code };
}

export function maskOutcome({ code, stdout, stderr }: CommandResult): BuildOutcome {
  return { code, stdout: maskIds(stdout), stderr: maskIds(stderr) };
}

/** Both have busybox. */
export async function startBuilders(): Promise<Builders> {
  const scratch = mkdtempSync('/tmp/tsc-builder-');
  const discard = (error: unknown) => {
    rmSync(scratch, { recursive: true, force: true });
    throw error;
  };
  const dockerd = await startRealDockerd().catch(discard);
  const stack = await startStack({ readyTimeoutMs: 60_000 }).catch(async (error) => {
    await dockerd.stop();
    return discard(error);
  });
  const builders = new Builders(dockerd, stack, scratch);
  const archive = await busyboxArchive();
  await builders.theirs(['load', '-q', '-i', archive]);
  await builders.ours(['load', '-q', '-i', archive]);
  return builders;
}
