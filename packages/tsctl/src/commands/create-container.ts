// Creating a container from flags, with the pull that a missing image asks for; run and create call it.
import { existsSync, linkSync, rmSync, writeFileSync } from 'node:fs';
import type { CommandContext } from '../cli/command.ts';
import { CommandFailure, FlagError } from '../cli/failures.ts';
import { type EngineError, isMissing } from '../client/engine-error.ts';
import { pullImage, withLatest } from '../client/images.ts';
import type { ContainerRequest } from '../container-spec/container-request.ts';

interface CreateAnswer {
  Id: string;
  Warnings: string[] | null;
}

/** Returns the id. Pulls before when `--pull always`, and once when the image is missing. */
export async function createContainer(context: CommandContext, request: ContainerRequest): Promise<string> {
  const { flags, err } = context;
  const policy = flags.text('pull');
  if (!['always', 'missing', 'never'].includes(policy))
    throw new CommandFailure(`invalid pull option: '${policy}': must be one of "always", "missing" or "never"`, 125);
  const cidFile = flags.text('cidfile');
  if (cidFile !== '' && existsSync(cidFile))
    throw new CommandFailure(
      `container ID file found, make sure the other container isn't running or delete ${cidFile}`,
      125,
    );
  const image = reference(request.Image);
  if (policy === 'always') await pull(context, image);
  const answer = await createOrPull(context, request, image, policy === 'missing');
  for (const warning of answer.Warnings ?? []) err.line(`WARNING: ${warning}`);
  if (cidFile !== '') writeNew(cidFile, answer.Id);
  return answer.Id;
}

async function createOrPull(
  context: CommandContext,
  request: ContainerRequest,
  image: string,
  mayPull: boolean,
): Promise<CreateAnswer> {
  try {
    return await create(context, request);
  } catch (error) {
    const isImage = isMissing(error) && /no such image/i.test((error as EngineError).detail);
    if (!isImage || !mayPull) throw error;
    context.err.line(`Unable to find image '${image}' locally`);
    await pull(context, image);
    return await create(context, request);
  }
}

async function create(context: CommandContext, request: ContainerRequest): Promise<CreateAnswer> {
  const { flags } = context;
  const query = { name: flags.text('name') || undefined, platform: flags.text('platform') || undefined };
  return await context.client.json<CreateAnswer>('POST', '/containers/create', { query, body: request });
}

async function pull(context: CommandContext, image: string): Promise<void> {
  const { flags, config, err } = context;
  await pullImage(context.client, image, '', {
    platform: flags.text('platform'),
    isQuiet: flags.bool('quiet'),
    config,
    out: err,
    err,
  });
}

/** An image id stays as it is. */
function reference(image: string): string {
  return /^(sha256:)?[0-9a-f]{64}$/.test(image) ? image : withLatest(image);
}

/** Never over a file that came to be meanwhile. */
function writeNew(path: string, id: string): void {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, id, { flag: 'wx' });
  try {
    linkSync(fresh, path);
  } finally {
    rmSync(fresh);
  }
}

const usageExitCode = 125;

/** `tsctl: <what>.` and, for usage and creation, where help is. */
export function describedFailure(context: CommandContext, error: unknown, exitCode: number, hasHint: boolean): Error {
  const message = (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
  return new CommandFailure(`tsctl: ${message}.${hasHint ? `\nSee 'tsctl ${context.path} --help'.` : ''}`, exitCode);
}

/** Reading the flags: what does not fit together is said with the command's name. */
export function withUsageHint<T>(context: CommandContext, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FlagError) throw error;
    throw describedFailure(context, error, usageExitCode, true);
  }
}
