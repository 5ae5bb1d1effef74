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

export class TaskEvents {
  readonly #publisher: EventPublisher;

  constructor(publisher: EventPublisher) {
    this.#publisher = publisher;
  }

  /** `message` has the fields of containerd.events.<name>, containerId among them. */
  publish(namespace: string, name: TaskEventName, message: { containerId: string } & Record<string, unknown>): void {
    const typeUrl = `containerd.events.${name}`;
    const event = { typeUrl, value: wireMessage(typeUrl).encode(message) };
    this.#publisher.publish(namespace, message.containerId, topics[name], event);
  }
}
