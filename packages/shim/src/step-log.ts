// The runtime's own steps of one verb, as one log line in the trace of the call that asked for it.
import type { RuntimeStep } from '@tscontainer/linux/runtime';
import type { ShimLog } from './shim-log.ts';

export class StepLog {
  readonly log: ShimLog;

  constructor(log: ShimLog) {
    this.log = log;
  }

  /**
   * At debug level: name, beganNs and endedNs of each step (CLOCK_MONOTONIC). Costs nothing when that is off, and is
   * written after the answer to the verb, as are its warnings.
   */
  record(
    verb: 'create' | 'restore' | 'start' | 'exec',
    id: string,
    execId: string,
    steps: RuntimeStep[],
    warnings: string[],
  ): void {
    if (warnings.length === 0 && !this.log.isEnabled('debug')) return;
    setImmediate(() => {
      this.log.debug({ verb, id, ...(execId === '' ? {} : { execId }), steps }, 'runtime steps');
      this.warn(id, execId, warnings);
    });
  }

  /** What the specification lets the runtime do without, e.g. a limit that cannot be raised here. */
  warn(id: string, execId: string, warnings: string[]): void {
    for (const warning of warnings) this.log.warn({ id, ...(execId === '' ? {} : { execId }) }, warning);
  }
}
