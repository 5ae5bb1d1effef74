// Where a process of a task stands, and every legal step from there: the one table that task.ts obeys.
import { ContainerError } from '@tscontainer/core/errors';

export type ProcessStatus = 'created' | 'running' | 'paused' | 'stopped' | 'deleted';

export type ProcessStep = 'start' | 'pause' | 'resume' | 'exit' | 'delete';

const transitions: Record<ProcessStep, Partial<Record<ProcessStatus, ProcessStatus>>> = {
  start: { created: 'running' },
  pause: { running: 'paused' },
  resume: { paused: 'running' },
  exit: { created: 'stopped', running: 'stopped', paused: 'stopped' },
  delete: { created: 'deleted', stopped: 'deleted' },
};

export function canStep(step: ProcessStep, from: ProcessStatus): boolean {
  return transitions[step][from] !== undefined;
}

/** The status after `step`. Throws failed-precondition when the table has no such step. */
export function statusAfter(step: ProcessStep, from: ProcessStatus, what: string): ProcessStatus {
  const to = transitions[step][from];
  if (to === undefined)
    throw new ContainerError('failed-precondition', `${step} ${what}: cannot ${step} a ${from} process`);
  return to;
}

/** containerd.v1.types.Status. */
export function statusName(status: ProcessStatus): string {
  return status === 'deleted' ? 'UNKNOWN' : status.toUpperCase();
}
