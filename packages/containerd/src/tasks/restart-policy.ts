// containerd's restart labels: what they ask for, and whether a stopped container is to run again. No I/O; restart-monitor.ts asks.
import type { Labels } from '../metadata/labels.ts';

export const restartLabels = {
  /** `running` or `stopped`: what the task is to be. Without it the monitor leaves the container alone. */
  status: 'containerd.io/restart.status',
  /** `always` (the default), `unless-stopped`, `on-failure` or `on-failure:N`. */
  policy: 'containerd.io/restart.policy',
  /** How often it has been restarted; kept by the monitor. */
  count: 'containerd.io/restart.count',
  explicitlyStopped: 'containerd.io/restart.explicitly-stopped',
  /** Where the output of a restarted task goes. */
  logUri: 'containerd.io/restart.loguri',
  /** The older form: a file's path. */
  logPath: 'containerd.io/restart.logpath',
} as const;

export interface StoppedTask {
  /** undefined when there is no task at all. */
  exitStatus: number | undefined;
}

export function restartCountOf(labels: Labels): number {
  const count = Number(labels[restartLabels.count] ?? 0);
  return Number.isInteger(count) && count >= 0 ? count : 0;
}

/** A container without task counts as failed: it was to run and does not. */
export function isToBeRestarted(labels: Labels, { exitStatus }: StoppedTask): boolean {
  const [policy = 'always', limit] = (labels[restartLabels.policy] || 'always').split(':');
  if (policy === 'always') return true;
  if (policy === 'unless-stopped') return labels[restartLabels.explicitlyStopped] !== 'true';
  if (policy !== 'on-failure' || exitStatus === 0) return false;
  const most = Number(limit ?? 0);
  return most === 0 || restartCountOf(labels) < most;
}

/** The URI for stdout and stderr, '' for none. */
export function logTargetOf(labels: Labels): string {
  const path = labels[restartLabels.logPath];
  return labels[restartLabels.logUri] || (path ? `file://${path}` : '');
}
