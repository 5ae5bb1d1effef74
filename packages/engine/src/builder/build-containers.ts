// The containers of a build: RUN is carried out in one each. They go after their step, or stay where docker leaves them.
import { errorMessageOf } from '@tscontainer/core/errors';
import { newId, shortId } from '@tscontainer/core/ids';
import { idsOf } from '../container-files/container-root.ts';
import type { AttachedClient } from '../containers/attach-hub.ts';
import type { Container } from '../containers/container.ts';
import { createContainer } from '../containers/container-creator.ts';
import { layerMounts } from '../containers/container-making.ts';
import { removeContainer } from '../containers/container-remover.ts';
import { startContainer } from '../containers/container-starter.ts';
import { killContainer } from '../containers/container-stopper.ts';
import { decodeCreateRequest } from '../containers/create-request.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { layerOfSnapshot, type NewLayer, sealSnapshot } from '../images/layer-writer.ts';
import { buildFailure, CommandFailedError } from './build-failure.ts';
import { type BuildOutput, TextPieces } from './build-output.ts';
import type { BuildRequest } from './build-request.ts';
import { type RunConfig, type StepImage, toResolvedImage } from './step-image.ts';

/** What a step was made in. Without `container` nothing ran: a step that only sets something needs none. */
export interface StepContainer {
  id: string;
  container: Container | undefined;
}

export class BuildContainers {
  readonly #context: EngineContext;
  readonly #request: BuildRequest;
  readonly #output: BuildOutput;
  /** Made and not yet removed. */
  #present: StepContainer[] = [];

  constructor(context: EngineContext, request: BuildRequest, output: BuildOutput) {
    this.#context = context;
    this.#request = request;
    this.#output = output;
  }

  /**
   * `runs` false: a container comes about only where it is to be seen afterwards (rm=0). Otherwise an id is all that the
   * step needs of one.
   */
  async create(image: StepImage | undefined, config: RunConfig, runs: boolean): Promise<StepContainer> {
    const created =
      runs || !this.#request.removes ? await this.#createReal(image, config) : { id: newId(), container: undefined };
    this.#present.push(created);
    this.#output.out.write(` ---> Running in ${shortId(created.id)}\n`);
    return created;
  }

  async #createReal(image: StepImage | undefined, config: RunConfig): Promise<StepContainer> {
    const { Labels, ...rest } = config;
    const decoded = decodeCreateRequest({
      ...rest,
      ...(Labels === null ? {} : { Labels }),
      Image: image?.id ?? 'scratch',
      HostConfig: this.#request.hostConfig,
    });
    const { container, warnings } = await createContainer(this.#context, decoded, undefined, undefined, {
      image: toResolvedImage(image),
      isBuildStep: true,
    });
    for (const warning of warnings) this.#output.out.write(` ---> [Warning] ${warning}\n`);
    return { id: container.id, container };
  }

  /** Resolves when it has ended with 0. Rejects CommandFailedError, cancelled; a cancelled one is killed and removed. */
  async run(step: StepContainer): Promise<void> {
    const { container } = step;
    if (container === undefined) throw new Error(`container ${step.id} is none that runs`);
    const { signal } = this.#output;
    const waiting = new AbortController();
    const exit = container.waitFor('next-exit', waiting.signal);
    const stopListening = this.#attach(container);
    const cancel = () => {
      this.#kill(container);
    };
    try {
      await container.queue.run(() => startContainer(this.#context, container));
      if (signal.aborted) cancel();
      else signal.addEventListener('abort', cancel, { once: true });
      const result = await exit;
      if (signal.aborted) throw buildFailure('build cancelled');
      if (result === undefined || result.exitCode !== 0)
        throw new CommandFailedError(container.settings.config.Cmd ?? [], result?.exitCode ?? 255, result?.error);
    } finally {
      signal.removeEventListener('abort', cancel);
      waiting.abort();
      stopListening();
    }
  }

  #kill(container: Container): void {
    killContainer(this.#context, container, 'SIGKILL').catch((error) =>
      this.#context.log.warn({ id: container.id, err: errorMessageOf(error) }, 'container of a cancelled build'),
    );
  }

  /** Its output is the build's. */
  #attach(container: Container): () => void {
    const { out, err } = this.#output;
    const pieces = { stdout: new TextPieces(out), stderr: new TextPieces(err) };
    const client: AttachedClient = {
      write: (stream, piece) => {
        pieces[stream].write(piece);
        return this.#output.hasRoom;
      },
      end: () => {
        pieces.stdout.end();
        pieces.stderr.end();
      },
    };
    container.hub.add(client);
    const forget = this.#output.onDrain(() => container.hub.drained(client));
    return () => {
      forget();
      container.hub.delete(client);
    };
  }

  /** What it has written. A container that is to go gives its snapshot away. */
  async layerOf(step: StepContainer, below: string[], lease: string): Promise<NewLayer | undefined> {
    const { container } = step;
    if (container === undefined) return undefined;
    await container.taskGone;
    const { snapshotter, snapshotKey: key, chainId } = container.settings;
    const mounts = await layerMounts(this.#context, container);
    const snapshot = { snapshotter, key, mounts, ids: idsOf(container), isLowest: chainId === '' };
    return this.#request.removes
      ? sealSnapshot(this.#context, snapshot, below, lease)
      : layerOfSnapshot(this.#context, snapshot, lease);
  }

  /** After each step. `hasFailed`: without forcerm the container stays, for the user to look into. */
  async endStep(hasFailed: boolean): Promise<void> {
    const { removes, alwaysRemoves } = this.#request;
    const goes = this.#output.signal.aborted || alwaysRemoves || (removes && !hasFailed);
    for (const { id, container } of this.#present.splice(0)) {
      if (container !== undefined && !goes) await this.#leave(container);
      if (container !== undefined && goes) await this.#remove(container);
      if (goes) this.#output.out.write(`Removing intermediate container ${shortId(id)}\n`);
    }
  }

  async #remove(container: Container): Promise<void> {
    if (container.isRunning) await killContainer(this.#context, container, 'SIGKILL');
    await container.queue.run(() => removeContainer(this.#context, container, { removesVolumes: true }));
  }

  /** From now on it is a container like any other: a start of the engine does not remove it. */
  async #leave(container: Container): Promise<void> {
    const { isBuildStep: _, ...settings } = container.settings;
    await this.#context.store.updateSettings(settings);
    container.settings = settings;
  }
}
