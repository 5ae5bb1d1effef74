// What happens to tasks as containerd's event messages, one method per event; task.ts calls it at each step.
import { wireMessage } from '@tscontainer/platform/wire-codec';
import type { EventPublisher } from './event-publisher.ts';

const topics = {
  TaskCreate: '/tasks/create',
  TaskStart: '/tasks/start',
  TaskExit: '/tasks/exit',
  TaskDelete: '/tasks/delete',
  TaskOOM: '/tasks/oom',
  TaskExecAdded: '/tasks/exec-added',
  TaskExecStarted: '/tasks/exec-started',
  TaskPaused: '/tasks/paused',
  TaskResumed: '/tasks/resumed',
  TaskCheckpointed: '/tasks/checkpointed',
} as const;

export type TaskEventName = keyof typeof topics;

/** Whom an event is about. */
export interface EventSubject {
  namespace: string;
  containerId: string;
  /** '' for the init process. */
  execId: string;
}

export interface HowTold {
  /** The connection, by its signal, whose peer tells of the event from an answer. */
  teller?: AbortSignal | undefined;
  /** No call's answer has to leave before it. */
  isAtOnce?: boolean;
}

/** How long what the daemon has not yet taken may hold up an answer. */
const takenTimeoutMs = 1000;

export class TaskEvents {
  readonly #publisher: EventPublisher;

  constructor(publisher: EventPublisher) {
    this.#publisher = publisher;
  }

  /** `message` has the fields of containerd.events.<name> but containerId. Throws when they cannot be encoded. */
  publish(subject: EventSubject, name: TaskEventName, message: object, { teller, isAtOnce }: HowTold = {}): void {
    const typeUrl = `containerd.events.${name}`;
    const { containerId } = subject;
    const encode = () => ({ typeUrl, value: wireMessage(typeUrl).encode({ containerId, ...message }) });
    const topic = topics[name];
    if (teller !== undefined) {
      this.#publisher.publish({ ...subject, topic, encode }, teller);
      return;
    }
    const any = encode();
    const event = { ...subject, topic, encode: () => any };
    if (isAtOnce === true) this.#publisher.publishAtOnce(event);
    else this.#publisher.publish(event);
  }

  /** Undefined when the daemon has every event of the container; else resolves when it has, or after a while. */
  taken(namespace: string, containerId: string): Promise<void> | undefined {
    return this.#publisher.taken(namespace, containerId, takenTimeoutMs);
  }
}
