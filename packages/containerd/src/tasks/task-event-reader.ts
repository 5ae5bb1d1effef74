// What an event of a shim says: whose it is, and how a process ended. Task events read each one once.
import type { Any } from '@tscontainer/platform/contracts/google/protobuf/well-known';
import { wireMessage } from '@tscontainer/platform/wire-codec';
import type { ExitFacts } from './event-ledger.ts';

export interface ReadTaskEvent {
  topic: string;
  containerId: string;
  /** '' of the init process, or of the whole task. */
  execId: string;
  /** Of create, start, exec-started, exit and delete; 0 in others. */
  pid: number;
  /** Of an exit. */
  exit: ExitFacts | undefined;
}

type Fields = { containerId: string; execId?: string; id?: string; pid?: number } & Partial<ExitFacts>;

const readers = new Map(
  Object.entries({
    '/tasks/create': 'TaskCreate',
    '/tasks/start': 'TaskStart',
    '/tasks/exit': 'TaskExit',
    '/tasks/delete': 'TaskDelete',
    '/tasks/exec-added': 'TaskExecAdded',
    '/tasks/exec-started': 'TaskExecStarted',
  }).map(([topic, name]) => [topic, wireMessage<Fields>(`containerd.events.${name}`)]),
);

/** The container is field 1 of all of them, and this one has no other: the others' are skipped as unknown. */
const anyTaskEvent = wireMessage<Fields>('containerd.events.TaskOOM');

export function readTaskEvent(topic: string, event: Any): ReadTaskEvent {
  const {
    containerId,
    execId = '',
    id = '',
    pid = 0,
    ...rest
  } = (readers.get(topic) ?? anyTaskEvent).decode(event.value);
  const isExit = topic === '/tasks/exit';
  return {
    topic,
    containerId,
    execId: isExit && id !== containerId ? id : execId,
    pid,
    exit: isExit ? { pid, exitStatus: rest.exitStatus ?? 0, exitedAt: rest.exitedAt ?? null } : undefined,
  };
}
