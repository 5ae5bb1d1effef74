// Listens to the lifecycle daemon's events: exits reach containers and execs from here, and nothing is polled.
import { errorMessageOf } from '@tscontainer/core/errors';
import { loadMessage } from '@tscontainer/platform/contract-loader';
import type { TaskExit, TaskOOM } from '@tscontainer/platform/contracts/containerd/events/task';
import type { Envelope } from '@tscontainer/platform/contracts/containerd/types/event';
import { nsOfTimestamp } from '../go-time.ts';
import type { ExitHandler } from './container-exit.ts';
import type { EngineContext } from './engine-context.ts';
import type { ExecManager } from './exec-manager.ts';

const taskExit = loadMessage<TaskExit>('containerd/events/task.proto', 'containerd.events.TaskExit');
const taskOom = loadMessage<TaskOOM>('containerd/events/task.proto', 'containerd.events.TaskOOM');

/** Between a lost stream and the next try. */
const reconnectMs = 100;
/** Published by ourselves: seeing it proves that the subscription stands, which gRPC does not tell. */
const markerTopic = '/tscontainer/listening';
const markerRetryMs = 20;

export interface ExitWatcherParts {
  context: EngineContext;
  exits: ExitHandler;
  execs: ExecManager;
  /** Looks what happened while nobody listened; called after each (re)connection. */
  catchUp: () => Promise<void>;
  /** `/images/...` events. */
  onImageEvent: () => void;
  /** The stream was lost: the daemon may have died. */
  onLost: () => void;
}

export class ExitWatcher {
  readonly #parts: ExitWatcherParts;
  readonly #abort = new AbortController();
  readonly #listening = Promise.withResolvers<void>();
  #isHeard = false;

  constructor(parts: ExitWatcherParts) {
    this.#parts = parts;
  }

  /** Resolves once the first subscription stands and what happened before was caught up with. */
  get ready(): Promise<void> {
    return this.#listening.promise;
  }

  stop(): void {
    this.#abort.abort();
  }

  /** Runs until `stop`; connects again whenever the stream is lost. */
  async run(): Promise<void> {
    const { context } = this.#parts;
    const { namespace } = context.client;
    const topics = ['=="/tasks/exit"', '=="/tasks/oom"', '~=|^/images/|', `=="${markerTopic}"`];
    const filters = topics.map((topic) => `namespace==${namespace},topic${topic}`);
    while (!this.#abort.signal.aborted) {
      this.#isHeard = false;
      const lost = new AbortController();
      try {
        void this.#mark(lost.signal);
        for await (const envelope of context.client.events.Subscribe({ filters }, { signal: this.#abort.signal }))
          this.#take(envelope);
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        context.log.warn({ err: errorMessageOf(error) }, 'event stream lost');
      } finally {
        lost.abort();
      }
      this.#parts.onLost();
      await new Promise((resolve) => setTimeout(resolve, reconnectMs));
    }
  }

  /** Until it comes back by the stream. */
  async #mark(lost: AbortSignal): Promise<void> {
    const { client, log } = this.#parts.context;
    const event = { typeUrl: 'google.protobuf.Empty', value: Buffer.alloc(0) };
    while (!this.#isHeard && !lost.aborted && !this.#abort.signal.aborted) {
      await client.events
        .Publish({ topic: markerTopic, event })
        .catch((error) => log.debug({ err: errorMessageOf(error) }, 'marker not published'));
      await new Promise((resolve) => setTimeout(resolve, markerRetryMs));
    }
  }

  async #catchUp(): Promise<void> {
    try {
      await this.#parts.catchUp();
      this.#listening.resolve();
    } catch (error) {
      this.#parts.context.log.warn({ err: errorMessageOf(error) }, 'catching up failed');
    }
  }

  #take(envelope: Envelope): void {
    if (envelope.topic === markerTopic) {
      if (this.#isHeard) return;
      this.#isHeard = true;
      void this.#catchUp();
      return;
    }
    const value = envelope.event?.value;
    if (value === undefined) return;
    if (envelope.topic === '/tasks/exit') this.#exit(taskExit.decode(value));
    else if (envelope.topic === '/tasks/oom') this.#oom(taskOom.decode(value));
    else if (envelope.topic.startsWith('/images/')) this.#parts.onImageEvent();
  }

  #exit(event: TaskExit): void {
    const { context, exits, execs } = this.#parts;
    const facts = { exitCode: event.exitStatus, exitedAtNs: nsOfTimestamp(event.exitedAt) };
    const container = context.index.get(event.containerId);
    if (container === undefined) return;
    if (event.id !== event.containerId) {
      execs.exited(event.id, facts);
      return;
    }
    exits
      .handle(container, facts)
      .catch((error) => context.log.error({ id: container.id, err: errorMessageOf(error) }, 'exit not recorded'));
  }

  #oom(event: TaskOOM): void {
    const { context } = this.#parts;
    const container = context.index.get(event.containerId);
    if (container === undefined) return;
    container.state.isOomKilled = true;
    context.events.publish('container', 'oom', container.id, container.eventAttributes());
  }
}
